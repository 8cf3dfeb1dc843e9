//! Where things are shown. Any text can be a person or a key, so they stand in the query, escaped.

use kryten_protocol::token::normalize;
use kryten_userstats::ChannelConfig;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A text as it stands in an address.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The pages of a channel; the domain is told where the name alone would not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelLinks {
    path: String,
    query: String,
}

impl ChannelLinks {
    pub(crate) fn new(channel: &ChannelConfig, all: &[ChannelConfig]) -> Self {
        let name = normalize(&channel.channel);
        let is_alone = all
            .iter()
            .filter(|other| normalize(&other.channel) == name)
            .count()
            <= 1;
        Self {
            path: encoded(&channel.channel),
            query: match is_alone {
                true => String::new(),
                false => format!("?domain={}", encoded(&channel.domain)),
            },
        }
    }

    pub(crate) fn live(&self) -> String {
        format!("/channels/{}{}", self.path, self.query)
    }

    pub(crate) fn leaderboards(&self) -> String {
        format!("/channels/{}/leaderboards{}", self.path, self.query)
    }

    pub(crate) fn history(&self) -> String {
        format!("/channels/{}/history{}", self.path, self.query)
    }

    pub(crate) fn history_of(&self, days: i64) -> String {
        let sign = if self.query.is_empty() { '?' } else { '&' };
        format!("{}{sign}days={days}", self.history())
    }

    pub(crate) fn events(&self) -> String {
        format!("/api/v1/channels/{}/events{}", self.path, self.query)
    }

    pub(crate) fn rate_picture(&self) -> String {
        format!("/channels/{}/rate.svg{}", self.path, self.query)
    }
}

/// A person's page.
pub(crate) fn person(name: &str, domain: &str) -> String {
    format!("/person?name={}&domain={}", encoded(name), encoded(domain))
}

/// A bucket's keys.
pub(crate) fn bucket(name: &str) -> String {
    format!("/kv/{}", encoded(name))
}

/// The keys of a bucket that begin with a text, from after one of them.
pub(crate) fn keys(bucket_name: &str, prefix: &str, after: &str) -> String {
    format!(
        "{}?prefix={}&after={}",
        bucket(bucket_name),
        encoded(prefix),
        encoded(after)
    )
}

/// A key's value.
pub(crate) fn key(bucket_name: &str, key: &str) -> String {
    format!("/kv/{}/value?key={}", encoded(bucket_name), encoded(key))
}
