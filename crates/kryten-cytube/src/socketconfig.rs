//! Which server CyTube names for the channel.

use serde::Deserialize;
use url::Url;

use crate::config::CytubeConfig;
use crate::connection::tls::refused_certificate;
use crate::item::ConnectError;

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    servers: Vec<Server>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Server {
    url: String,
    #[serde(default)]
    secure: bool,
    #[serde(default, rename = "ipv6")]
    is_ipv6: bool,
}

/// Asks CyTube for the channel's server and gives the websocket's address.
///
/// # Errors
/// When CyTube cannot be asked, does not know the name, or names no usable server.
pub async fn websocket_url(
    http: &reqwest::Client,
    config: &CytubeConfig,
) -> Result<String, ConnectError> {
    let url = question(config)?;
    let failed = |source: reqwest::Error| {
        let url = url.clone();
        match refused_certificate(&source) {
            Some(source) => ConnectError::Untrusted { url, source },
            None => ConnectError::Socketconfig { url, source },
        }
    };
    let response = http.get(&url).send().await.map_err(failed)?;
    let status = response.status();
    let body = response.bytes().await.map_err(failed)?;
    read(&url, status.as_u16(), &body)
}

/// The websocket's address in an answer to the question at `url`.
///
/// # Errors
/// When CyTube does not know the channel's name, refuses, or names no usable server.
pub fn read(url: &str, status: u16, body: &[u8]) -> Result<String, ConnectError> {
    let url = url.to_owned();
    let answer = serde_json::from_slice::<Answer>(body);
    if !(200..300).contains(&status) {
        return Err(match answer {
            Ok(Answer {
                error: Some(message),
                ..
            }) if status == 404 => ConnectError::NoSuchChannel { message },
            _ => ConnectError::SocketconfigStatus { url, status },
        });
    }
    let servers = answer.map(|answer| answer.servers).unwrap_or_default();
    let server = choose(&servers).ok_or(ConnectError::NoServers { url })?;
    websocket(&server.url)
}

fn question(config: &CytubeConfig) -> Result<String, ConnectError> {
    let base = config.base_url();
    let mut url = http_url(&base)?;
    url.path_segments_mut()
        .map_err(|()| ConnectError::BadUrl { url: base })?
        .pop_if_empty()
        .push("socketconfig")
        .push(&format!("{}.json", config.channel));
    Ok(url.into())
}

/// The first secure server, else the first; one that only speaks IPv6 after all others.
fn choose(servers: &[Server]) -> Option<&Server> {
    servers
        .iter()
        .min_by_key(|server| (server.is_ipv6, !server.secure))
}

fn websocket(base: &str) -> Result<String, ConnectError> {
    let url = http_url(base)?;
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    let rest = url.as_str().split_once("://").map_or("", |split| split.1);
    Ok(format!(
        "{scheme}://{}/socket.io/?EIO=4&transport=websocket",
        rest.trim_end_matches('/')
    ))
}

fn http_url(text: &str) -> Result<Url, ConnectError> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| ConnectError::BadUrl {
            url: text.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secure_server_is_preferred() {
        let answer: Answer = serde_json::from_str(
            r#"{"servers":[{"url":"http://a:1","secure":false},
                {"url":"https://v6","secure":true,"ipv6":true},{"url":"https://b","secure":true}]}"#,
        )
        .unwrap();
        assert_eq!(choose(&answer.servers).unwrap().url, "https://b");
        assert_eq!(choose(&answer.servers[..1]).unwrap().url, "http://a:1");
        assert!(choose(&[]).is_none());
    }

    #[test]
    fn addresses_are_turned_into_websockets_or_refused() {
        let socket = "/socket.io/?EIO=4&transport=websocket";
        assert_eq!(
            websocket("https://b:8443/").unwrap(),
            format!("wss://b:8443{socket}")
        );
        assert_eq!(
            websocket("http://127.0.0.1:1").unwrap(),
            format!("ws://127.0.0.1:1{socket}")
        );
        for bad in ["", "b.tv", "ftp://b.tv", "http://"] {
            assert!(
                matches!(websocket(bad), Err(ConnectError::BadUrl { .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_channel_is_quoted_in_the_question() {
        let config = CytubeConfig::new("cytu.be", "no such!/..");
        assert_eq!(
            question(&config).unwrap(),
            "https://cytu.be/socketconfig/no%20such!%2F...json"
        );
    }
}
