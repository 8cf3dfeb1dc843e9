//! The section `web` of a configuration file.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use axum::http::HeaderName;
use kryten_client::config::lenient;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::{ProxyConfig, WebConfig};

/// In which header a proxy names the visitor, unless something else is said.
const USUAL_USER_HEADER: HeaderName = HeaderName::from_static("x-forwarded-user");

/// The page, as a file has it. What is left out is as usual.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct WebFile {
    /// The address on which the page listens; on others than those of this machine alone it needs a token or a proxy.
    #[schemars(extend("default" = "127.0.0.1"))]
    pub host: Option<IpAddr>,
    /// The port; 0 for any free one.
    #[schemars(extend("default" = 8088))]
    #[serde(deserialize_with = "lenient::number")]
    pub port: Option<u16>,
    /// What visitors have to know: at least 16 characters. Write `${NAME}` to take it from the environment.
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// A file with that token.
    pub token_file: Option<PathBuf>,
    /// The addresses from which a proxy connects that logs visitors in.
    #[schemars(extend("default" = []))]
    pub proxy: Vec<IpAddr>,
    /// The header in which that proxy names the visitor.
    #[schemars(with = "Option<String>", extend("default" = "x-forwarded-user"))]
    #[serde(deserialize_with = "header")]
    pub user_header: Option<HeaderName>,
    /// Names besides `localhost` under which the page is asked for, where nobody has to log in.
    #[schemars(extend("default" = []))]
    pub names: Vec<String>,
    /// How many requests one address may make in a minute.
    #[schemars(extend("default" = 600))]
    #[serde(deserialize_with = "lenient::number")]
    pub requests_per_minute: Option<NonZeroU32>,
    /// Whether the page shows what stands in buckets; without it where it listens on this machine alone and is behind no
    /// proxy.
    #[serde(deserialize_with = "lenient::flag")]
    pub kv: Option<bool>,
}

impl WebFile {
    /// The settings. `token` is what was read from wherever it is.
    pub fn settings(self, token: Option<SecretString>) -> WebConfig {
        let usual = WebConfig::default();
        WebConfig {
            listen: SocketAddr::new(
                self.host.unwrap_or(usual.listen.ip()),
                self.port.unwrap_or(usual.listen.port()),
            ),
            token,
            proxy: (!self.proxy.is_empty()).then(|| ProxyConfig {
                addresses: self.proxy,
                user_header: self.user_header.unwrap_or(USUAL_USER_HEADER),
            }),
            names: self.names,
            requests_per_minute: self
                .requests_per_minute
                .unwrap_or(usual.requests_per_minute),
            kv: self.kv,
        }
    }
}

fn header<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<HeaderName>, D::Error> {
    let name: Option<String> = Deserialize::deserialize(from)?;
    let name = name.map(|name| name.parse()).transpose();
    name.map_err(|_| serde::de::Error::custom("it is no name of a header"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_file_leaves_out_is_as_usual() {
        let nothing: WebFile = serde_json::from_value(json!({})).unwrap();
        let usual = format!("{:?}", WebConfig::default());
        assert_eq!(format!("{:?}", nothing.settings(None)), usual);
        let all: WebFile = serde_json::from_value(json!({
            "host": "::", "port": 80, "proxy": ["10.0.0.1"], "user_header": "X-User", "names": ["page.example"],
            "requests_per_minute": 5, "kv": true, "token": "0123456789abcdef",
        }))
        .unwrap();
        let token = all.token.clone();
        let config = all.settings(token);
        assert_eq!(config.listen, "[::]:80".parse().unwrap());
        assert_eq!(config.proxy.as_ref().unwrap().user_header, "x-user");
        assert!(config.token.is_some() && config.shows_kv());
        assert_eq!(config.check(), Ok(()));
        for wrong in [
            json!({"user_header": "no header"}),
            json!({"requests_per_minute": 0}),
            json!({"host": "here"}),
        ] {
            assert!(serde_json::from_value::<WebFile>(wrong).is_err());
        }
    }
}
