//! `kryten health`: whether the services work, for people, scripts and container engines.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::up::web;
use crate::cli::ClientArgs;
use crate::connection_file::{self, ConnectionFile};
use crate::output;

/// Options of `kryten health`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten health                                the running `kryten up`
  kryten health --url http://127.0.0.1:8080    a robot
  kryten health --url http://127.0.0.1:28282   a statistics service
  kryten health --token-file token             one whose page wants a token

The exit code is 0 while everything asked works, and 1 else.")]
pub(crate) struct HealthArgs {
    /// The address of a service's health port; `/health` is added where no path is given. May be repeated
    #[arg(long = "url", value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// A file with the token of a page that wants one, as --web-token-file of `kryten up` takes it; or KRYTEN_WEB_TOKEN in
    /// the environment. Every address that is asked gets it
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) timeout: u64,
    /// Print what the services answered as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Asks each service and prints a line for each.
pub(crate) async fn run(client: &ClientArgs, args: HealthArgs) -> anyhow::Result<ExitCode> {
    let urls = match args.urls.is_empty() {
        true => of_running_up(client)?,
        false => args.urls.clone(),
    };
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(args.timeout))
        // A service that runs here is asked, not a proxy.
        .no_proxy()
        .default_headers(headers(args.token_file.as_deref())?)
        .build()?;
    let (mut all_work, mut printed) = (true, Ok(()));
    let mut answers = Vec::new();
    for url in urls {
        let url = health_url(&url)?;
        let found = ask(&http, &url).await;
        all_work &= found.works;
        if !args.json {
            let told = output::printable(&format!("{url}: {}", found.sentence));
            printed = printed.and_then(|()| output::line(&told));
        }
        answers.push(json!({"url": url, "works": found.works, "answer": found.answer}));
    }
    if args.json {
        printed = output::json(&Value::from(answers));
    }
    output::verdict(all_work, printed)
}

/// The token, where there is one.
fn headers(token_file: Option<&Path>) -> anyhow::Result<HeaderMap> {
    let token = match token_file {
        Some(file) => Some(web::read_token(file)?),
        None => web::token_of_environment(),
    };
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let bearer = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
        let mut bearer = bearer
            .ok()
            .context("the token of the page has characters that no token has")?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    Ok(headers)
}

struct Found {
    works: bool,
    sentence: String,
    answer: Value,
}

async fn ask(http: &reqwest::Client, url: &str) -> Found {
    let answered = async {
        let response = http.get(url).send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        Ok::<_, reqwest::Error>((status, body))
    };
    let (status, body) = match answered.await {
        Ok(answer) => answer,
        Err(error) => {
            let why = match error.is_timeout() {
                true => "does not answer in time",
                false => "does not answer; is the service running, and is this its health port?",
            };
            return Found {
                works: false,
                sentence: why.to_owned(),
                answer: Value::Null,
            };
        }
    };
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(sentence) = refusal(status) {
        return Found {
            works: false,
            sentence: sentence.to_owned(),
            answer,
        };
    }
    let word = answer["status"].as_str().unwrap_or("no health page");
    let works = status.is_success() && answer["status"].is_string();
    let mut sentence = word.to_owned();
    for problem in problems(&answer) {
        sentence += "; ";
        sentence += &problem;
    }
    Found {
        works,
        sentence,
        answer,
    }
}

/// What to give to whoever does not let us ask.
fn refusal(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::UNAUTHORIZED => Some(
            "wants the token of its page; give the right one with --token-file FILE or KRYTEN_WEB_TOKEN",
        ),
        StatusCode::FORBIDDEN => Some(
            "answers its proxy only; start it with --web-token-file FILE too, and give that file here with --token-file",
        ),
        _ => None,
    }
}

/// What the answer says is wrong: the statistics' `problem`, each channel's `stopped` or `trouble`.
fn problems(answer: &Value) -> Vec<String> {
    let own = answer["problem"].as_str().map(str::to_owned);
    let channels = answer["channels"].as_array().into_iter().flatten();
    let of_channels = channels.filter_map(|channel| {
        let why = channel["stopped"]
            .as_str()
            .or_else(|| channel["trouble"].as_str())?;
        Some(format!("{}: {why}", channel["channel"].as_str()?))
    });
    own.into_iter().chain(of_channels).collect()
}

/// Both services of a running `kryten up`.
fn of_running_up(client: &ClientArgs) -> anyhow::Result<Vec<String>> {
    let dir = client
        .data_dir
        .clone()
        .unwrap_or_else(connection_file::default_data_dir);
    let file = ConnectionFile::read(&dir)?.filter(ConnectionFile::is_alive);
    let file = file.with_context(|| {
        format!(
            "no `kryten up` runs on {}; name a service with --url, or the folder with --data-dir",
            dir.display()
        )
    })?;
    let base = file.web.url.trim_end_matches('/');
    Ok(vec![
        format!("{base}/robot/health"),
        format!("{base}/health"),
    ])
}

/// The address of the page, from that of the port or of the page itself.
fn health_url(text: &str) -> anyhow::Result<String> {
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let mut url = url::Url::parse(&whole)
        .with_context(|| format!("{text} is no address; give one such as http://127.0.0.1:8080"))?;
    if url.path() == "/" {
        url.set_path("/health");
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_is_that_of_the_health_page() {
        let page = "http://127.0.0.1:8080/health";
        assert_eq!(health_url("127.0.0.1:8080").unwrap(), page);
        assert_eq!(health_url("http://127.0.0.1:8080").unwrap(), page);
        assert_eq!(health_url("http://127.0.0.1:8080/").unwrap(), page);
        assert_eq!(
            health_url("http://localhost/robot/health").unwrap(),
            "http://localhost/robot/health"
        );
        assert!(health_url("http://").is_err());
    }
}
