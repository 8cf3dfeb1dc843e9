//! Options of the web page, and what a file says of it.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::Context;
use axum::http::HeaderName;
use clap::{Args, ValueEnum};
use kryten_web::{BindError, Bound, ConfigProblem, WebConfig, WebFile};
use secrecy::SecretString;

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    On,
    Off,
}

/// Who may see the page, and from where. What is not given is as the file says.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Web page (also the section `web` of the file)")]
pub(crate) struct WebArgs {
    /// The port of the web page; 0 for any free one [default: 8088]
    #[arg(long, value_name = "PORT")]
    pub(crate) web_port: Option<u16>,
    /// The address on which the page listens; on others than 127.0.0.1 it needs a token or a proxy [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) web_host: Option<IpAddr>,
    /// A file with the token that visitors have to give; or KRYTEN_WEB_TOKEN in the environment
    #[arg(long, value_name = "FILE")]
    pub(crate) web_token_file: Option<PathBuf>,
    /// The address from which a proxy connects that logs visitors in; may be given again
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) web_proxy: Vec<IpAddr>,
    /// The header in which that proxy names the visitor [default: x-forwarded-user]
    #[arg(long, value_name = "NAME")]
    pub(crate) web_user_header: Option<HeaderName>,
    /// A name besides localhost under which the page is asked for; may be given again
    #[arg(long, value_name = "NAME")]
    pub(crate) web_name: Vec<String>,
    /// How many requests one address may make in a minute [default: 600]
    #[arg(long, value_name = "N")]
    pub(crate) web_requests: Option<NonZeroU32>,
    /// Whether the page shows what stands in buckets; by default where it listens on this machine alone
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) web_kv: Option<Shown>,
}

impl WebArgs {
    /// Takes the address; whatever is wrong is told before anything is started.
    pub(super) async fn bind(&self, file: WebFile) -> anyhow::Result<Bound> {
        let config = self.config(file)?;
        let port = config.listen.port();
        let bound = Bound::bind(config).await;
        bound.map_err(|error| match error {
            BindError::Config(problem @ ConfigProblem::OpenToAll(_)) => anyhow::anyhow!(
                "{problem}: --web-token-file FILE or KRYTEN_WEB_TOKEN, or --web-proxy ADDRESS, or the section `web` of the file"
            ),
            BindError::Config(ConfigProblem::NoProxyAddress) => {
                anyhow::anyhow!("name the proxy's address with --web-proxy")
            }
            BindError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                anyhow::Error::new(source).context(format!(
                    "port {port} for the web page is taken; choose another with --web-port, 0 for any"
                ))
            }
            other => anyhow::Error::new(other).context("choose --web-host and --web-port"),
        })
    }

    /// The options, and the file where they say nothing.
    fn config(&self, file: WebFile) -> anyhow::Result<WebConfig> {
        let token = self.token(&file)?;
        let list = |given: &[IpAddr], other: Vec<IpAddr>| match given {
            [] => other,
            given => given.to_vec(),
        };
        let is_behind_proxy = !self.web_proxy.is_empty() || !file.proxy.is_empty();
        anyhow::ensure!(
            self.web_user_header.is_none() || is_behind_proxy,
            "--web-user-header is a proxy's; name its address with --web-proxy"
        );
        let names = match self.web_name.is_empty() {
            true => file.names,
            false => self.web_name.clone(),
        };
        let both = WebFile {
            host: self.web_host.or(file.host),
            port: self.web_port.or(file.port),
            proxy: list(&self.web_proxy, file.proxy),
            user_header: self.web_user_header.clone().or(file.user_header),
            names,
            requests_per_minute: self.web_requests.or(file.requests_per_minute),
            kv: self.web_kv.map(|shown| shown == Shown::On).or(file.kv),
            token: None,
            token_file: None,
        };
        Ok(both.settings(token))
    }

    /// Whoever is nearest: the option, then the others.
    fn token(&self, file: &WebFile) -> anyhow::Result<Option<SecretString>> {
        match &self.web_token_file {
            Some(path) => read_token(path).map(Some),
            None => token_without_option(file),
        }
    }
}

/// The token of the environment, else that of the file.
pub(super) fn token_without_option(file: &WebFile) -> anyhow::Result<Option<SecretString>> {
    if let Some(token) = token_of_environment() {
        return Ok(Some(token));
    }
    match &file.token_file {
        Some(path) => read_token(path).map(Some),
        None => Ok(file.token.clone()),
    }
}

pub(crate) fn token_of_environment() -> Option<SecretString> {
    let token = std::env::var("KRYTEN_WEB_TOKEN").ok();
    Some(token.filter(|token| !token.is_empty())?.into())
}

/// The token that stands in a file.
pub(crate) fn read_token(path: &std::path::Path) -> anyhow::Result<SecretString> {
    let token = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the token of the page from {}", path.display()))?;
    Ok(SecretString::from(token.trim()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Given {
        #[command(flatten)]
        web: WebArgs,
    }

    fn config(arguments: &[&str], file: serde_json::Value) -> anyhow::Result<WebConfig> {
        let given = Given::parse_from([&["up"], arguments].concat());
        given.web.config(serde_json::from_value(file).unwrap())
    }

    #[test]
    fn an_option_counts_before_the_file_and_the_file_before_what_is_usual() {
        let file = json!({"port": 9000, "names": ["a.example"], "proxy": ["10.0.0.1"], "user_header": "x-user", "kv": true});
        let both = config(
            &[
                "--web-port",
                "0",
                "--web-name",
                "b.example",
                "--web-kv",
                "off",
            ],
            file.clone(),
        )
        .unwrap();
        assert_eq!(both.listen, "127.0.0.1:0".parse().unwrap());
        assert_eq!(
            (both.names, both.kv),
            (vec!["b.example".to_owned()], Some(false))
        );
        let proxy = both.proxy.unwrap();
        assert_eq!(
            (proxy.addresses.len(), proxy.user_header.as_str()),
            (1, "x-user")
        );
        let only = config(&[], file).unwrap();
        assert_eq!((only.listen.port(), only.kv), (9000, Some(true)));
        assert_eq!(config(&[], json!({})).unwrap().listen.port(), 8088);
        let header = config(&["--web-user-header", "x-user"], json!({}));
        assert!(header.unwrap_err().to_string().contains("--web-proxy"));
    }
}
