//! Options of the web page.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::Context;
use axum::http::HeaderName;
use clap::{Args, ValueEnum};
use kryten_web::{BindError, Bound, ConfigProblem, ProxyConfig, WebConfig};
use secrecy::SecretString;

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    On,
    Off,
}

/// Who may see the page, and from where.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Web page")]
pub(crate) struct WebArgs {
    /// The port of the web page; 0 for any free one
    #[arg(long, value_name = "PORT", default_value_t = 8088)]
    pub(crate) web_port: u16,
    /// The address on which the page listens; on others than 127.0.0.1 it needs a token or a proxy
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) web_host: IpAddr,
    /// A file with the token that visitors have to give; or KRYTEN_WEB_TOKEN in the environment
    #[arg(long, value_name = "FILE")]
    pub(crate) web_token_file: Option<PathBuf>,
    /// The address from which a proxy connects that logs visitors in; may be given again
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) web_proxy: Vec<IpAddr>,
    /// The header in which that proxy names the visitor
    #[arg(
        long,
        value_name = "NAME",
        default_value = "x-forwarded-user",
        requires = "web_proxy"
    )]
    pub(crate) web_user_header: HeaderName,
    /// A name besides localhost under which the page is asked for; may be given again
    #[arg(long, value_name = "NAME")]
    pub(crate) web_name: Vec<String>,
    /// How many requests one address may make in a minute
    #[arg(long, value_name = "N", default_value_t = WebConfig::default().requests_per_minute)]
    pub(crate) web_requests: NonZeroU32,
    /// Whether the page shows what stands in buckets; by default where it listens on this machine alone
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) web_kv: Option<Shown>,
}

impl WebArgs {
    /// Takes the address; whatever is wrong is told before anything is started.
    pub(super) async fn bind(&self) -> anyhow::Result<Bound> {
        let port = self.web_port;
        let bound = Bound::bind(self.config()?).await;
        bound.map_err(|error| match error {
            BindError::Config(problem @ ConfigProblem::OpenToAll(_)) => anyhow::anyhow!(
                "{problem}: --web-token-file FILE or KRYTEN_WEB_TOKEN, or --web-proxy ADDRESS"
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

    fn config(&self) -> anyhow::Result<WebConfig> {
        let mut config = WebConfig::on(SocketAddr::new(self.web_host, self.web_port));
        config.token = self.token()?;
        config.proxy = (!self.web_proxy.is_empty()).then(|| ProxyConfig {
            addresses: self.web_proxy.clone(),
            user_header: self.web_user_header.clone(),
        });
        config.names.clone_from(&self.web_name);
        config.requests_per_minute = self.web_requests;
        config.kv = self.web_kv.map(|shown| shown == Shown::On);
        Ok(config)
    }

    fn token(&self) -> anyhow::Result<Option<SecretString>> {
        let Some(file) = &self.web_token_file else {
            let token = std::env::var("KRYTEN_WEB_TOKEN").ok();
            return Ok(token
                .filter(|token| !token.is_empty())
                .map(SecretString::from));
        };
        let token = std::fs::read_to_string(file).with_context(|| {
            format!("cannot read the token of the page from {}", file.display())
        })?;
        Ok(Some(SecretString::from(token.trim())))
    }
}
