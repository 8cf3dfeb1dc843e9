//! Health and metrics of a service, fetched from either side.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use kryten_client::http::Pages;
use kryten_client::service::Service;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Report, Sides, same};

const NAME: &str = "film-night";
/// What differs each time.
const UPTIME: &str = "uptime_seconds";

pub(crate) async fn run(sides: &mut Sides, report: &mut Report) {
    let name = "health and metrics have all that kryten-py's have";
    report.add(name, check(sides).await);
}

async fn check(sides: &mut Sides) -> anyhow::Result<()> {
    let theirs = sides
        .python
        .ask(json!({"do": "pages", "name": NAME}))
        .await?;
    let theirs = u16::try_from(theirs.as_u64().context("no port")?)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let ours = listener.local_addr()?.port();
    let pages = Pages::new().fields(|| Map::from_iter([("films".to_owned(), json!(3))]));
    let service = Service::builder(NAME, "1").serve(listener, pages);
    let service = service.start(&sides.rust).await?;
    let health = alike(theirs, ours, "/health", health).await;
    let metrics = alike(theirs, ours, "/metrics", metrics).await;
    service.stop("checked").await;
    health.context("/health")?;
    metrics.context("/metrics")
}

/// The same status and kind of body; what the body has is judged by `compare`.
async fn alike(
    theirs: u16,
    ours: u16,
    path: &str,
    compare: fn(&str, &str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (theirs, ours) = (get(theirs, path).await?, get(ours, path).await?);
    same(&ours.0, &theirs.0)?;
    same(&ours.1, &theirs.1)?;
    compare(&theirs.2, &ours.2)
}

/// Every field of theirs is in ours, with the same value.
fn health(theirs: &str, ours: &str) -> anyhow::Result<()> {
    let (theirs, ours): (Value, Value) =
        (serde_json::from_str(theirs)?, serde_json::from_str(ours)?);
    for (field, value) in theirs.as_object().context("theirs is no object")? {
        match field.as_str() {
            UPTIME => ensure!(ours[field].is_number(), "{field} is {}", ours[field]),
            _ => same((field, &ours[field]), (field, value))?,
        }
    }
    Ok(())
}

/// Every metric of theirs is in ours, of the same type.
fn metrics(theirs: &str, ours: &str) -> anyhow::Result<()> {
    let types = |text: &str| {
        let types = text.lines().filter(|line| line.starts_with("# TYPE "));
        types.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (theirs, ours) = (types(theirs), types(ours));
    ensure!(theirs.len() >= 3, "theirs are {theirs:?}");
    ensure!(
        theirs.is_subset(&ours),
        "{theirs:?} are not all in {ours:?}"
    );
    Ok(())
}

/// Status, kind of body without its parameters, and the body.
async fn get(port: u16, path: &str) -> anyhow::Result<(String, String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no body")?;
    let status = head.split(' ').nth(1).context("no status")?;
    let kind = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let value = value.split(';').next()?.trim();
        name.eq_ignore_ascii_case("content-type")
            .then(|| value.to_owned())
    });
    Ok((
        status.to_owned(),
        kind.context("no content type")?,
        body.to_owned(),
    ))
}
