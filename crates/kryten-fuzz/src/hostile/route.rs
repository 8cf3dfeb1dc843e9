//! One route of the page or of a service's health port: what is asked, and what may be answered.

use std::net::SocketAddr;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::Answer;
use super::exchange::{Answered, exchange};
use super::stage::{CHANNEL, DOMAIN, HONEST, Ports, TOKEN};
use crate::mutate;

/// The page, in the order of its routes; in braces is what is mangled.
const PAGE: [&str; 27] = [
    "/",
    "/channels",
    "/channels/{channel}",
    "/channels/{channel}/rate.svg",
    "/channels/{channel}/leaderboards?limit={number}&domain={domain}",
    "/channels/{channel}/history?days={number}&domain={domain}",
    "/person?name={name}&domain={domain}",
    "/service",
    "/kv",
    "/kv/{bucket}?prefix={key}&after={key}",
    "/kv/{bucket}/value?key={key}",
    "/login",
    "/assets/kryten.css",
    "/assets/{name}",
    "/{name}",
    "/api/v1/openapi.json",
    "/api/v1/channels",
    "/api/v1/channels/{channel}?domain={domain}",
    "/api/v1/channels/{channel}/live?domain={domain}",
    "/api/v1/channels/{channel}/events",
    "/api/v1/channels/{channel}/leaderboards?limit={number}",
    "/api/v1/channels/{channel}/history?days={number}",
    "/api/v1/person?name={name}&domain={domain}",
    "/api/v1/service",
    "/api/v1/kv/{bucket}?prefix={key}",
    "/api/v1/kv/{bucket}/value?key={key}",
    "/api/{name}",
];
const SERVICE: [&str; 3] = ["/health", "/metrics", "/{name}"];
/// An answer may be one of these; an error of the server's own is a finding.
const STATUSES: [u16; 16] = [
    200, 204, 302, 303, 304, 307, 400, 401, 403, 404, 405, 408, 413, 414, 415, 429,
];
/// As well, but only from servers that refuse before our code sees the request.
const OF_THE_SERVER: [u16; 4] = [421, 431, 501, 505];

/// Who serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Page,
    /// The same page with a token that the visitor does not know.
    Locked,
    Robot,
    Userstats,
}

/// A route.
pub(super) struct Route {
    pub(super) name: String,
    server: Server,
    template: &'static str,
}

/// All routes of all servers.
pub(super) fn all() -> Vec<Route> {
    [
        (Server::Page, "page", PAGE.as_slice()),
        (Server::Locked, "locked", PAGE.as_slice()),
        (Server::Robot, "robot's port", SERVICE.as_slice()),
        (Server::Userstats, "userstats' port", SERVICE.as_slice()),
    ]
    .into_iter()
    .flat_map(|(server, name, templates)| {
        templates.iter().map(move |template| Route {
            name: format!("{name} {template}"),
            server,
            template,
        })
    })
    .collect()
}

impl Route {
    /// A request for it; most still are HTTP.
    pub(super) fn request(&self, random: &mut StdRng) -> Vec<u8> {
        let method = match random.random_range(0..12) {
            0 => "POST",
            1 => "HEAD",
            2 => ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "X"]
                .choose(random)
                .copied()
                .unwrap_or("PUT"),
            _ => "GET",
        };
        let mut head = format!("{method} {} HTTP/1.1\r\n", self.target(random));
        head += match random.random_range(0..10) {
            0 => "Host: evil.example\r\n",
            1 => "Host: \r\n",
            _ => "Host: localhost\r\n",
        };
        head += "Connection: close\r\n";
        for _ in 0..random.random_range(0..4) {
            head += &header(random);
        }
        let mut body = Vec::new();
        if method != "GET" || random.random_ratio(1, 20) {
            body = form(random);
            head += "Content-Type: application/x-www-form-urlencoded\r\n";
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut request = format!("{head}\r\n").into_bytes();
        request.extend(body);
        if random.random_ratio(1, 10) {
            mutate::bytes(random, &mut request);
        }
        request
    }

    /// The path with its query.
    fn target(&self, random: &mut StdRng) -> String {
        let mut target = String::new();
        for (at, part) in self.template.split(['{', '}']).enumerate() {
            match at % 2 {
                0 => target += part,
                _ => target += &filled(part, random),
            }
        }
        target
    }

    /// Sends it, and looks at the answer.
    pub(super) async fn send(
        &self,
        ports: &Ports,
        request: &[u8],
        patience: Duration,
    ) -> Result<Answer, String> {
        let to: SocketAddr = match self.server {
            Server::Page => ports.page,
            Server::Locked => ports.locked,
            Server::Robot => ports.robot,
            Server::Userstats => ports.userstats,
        };
        match exchange(to, request, patience).await? {
            None => Ok(Answer::NoneDue),
            Some(answered) => self.judge(request, &answered),
        }
    }

    /// A bucket that NATS did not give in time is told so, in words where an answer has any.
    fn is_without_nats(&self, request: &[u8], answered: &Answered) -> bool {
        let text = String::from_utf8_lossy(&answered.body);
        self.template.contains("/kv")
            && (text.contains("the NATS server is away") || request.starts_with(b"HEAD "))
    }

    fn judge(&self, request: &[u8], answered: &Answered) -> Result<Answer, String> {
        let wrong = |what: &str| {
            let body = String::from_utf8_lossy(&answered.body);
            let shown: String = body.chars().take(300).collect();
            Err(format!(
                "{what}: {} {}",
                answered.status,
                shown.escape_debug()
            ))
        };
        let is_page = matches!(self.server, Server::Page | Server::Locked);
        let is_ours = !is_page || answered.head.contains("content-security-policy: ");
        let known = STATUSES.contains(&answered.status)
            || OF_THE_SERVER.contains(&answered.status)
            // Health tells of trouble by its status.
            || (answered.status == 503 && (!is_page || self.is_without_nats(request, answered)));
        if !known {
            return wrong("an answer that should not be");
        }
        // What is no HTTP is refused before our code sees it.
        if !is_ours && !matches!(answered.status, 400 | 405 | 414 | 431 | 501 | 505) {
            return wrong("an answer without our headers");
        }
        let text = String::from_utf8_lossy(&answered.body);
        if text.contains(TOKEN) {
            return wrong("the token is told");
        }
        if self.server == Server::Locked && answered.status == 200 {
            let start = String::from_utf8_lossy(request);
            let asked = start.split_ascii_whitespace().nth(1).unwrap_or_default();
            let path = asked.split('?').next().unwrap_or_default();
            let is_open = path == "/login" || path.starts_with("/assets/");
            if !is_open {
                return wrong("the door is open");
            }
        }
        let kind = answered.header("content-type");
        if kind.starts_with("application/json") && !answered.body.is_empty() {
            let Some(json) = answered.json() else {
                return wrong("the answer is no JSON");
            };
            let says = json["error"].as_str().is_some_and(|text| !text.is_empty());
            if is_page && answered.status >= 400 && !says {
                return wrong("a refusal without words");
            }
        }
        Ok(match answered.status < 400 {
            true => Answer::Done,
            false => Answer::Refused,
        })
    }
}

fn filled(what: &str, random: &mut StdRng) -> String {
    let usual = match what {
        "channel" => CHANNEL,
        "domain" => DOMAIN,
        "number" => "5",
        "name" => HONEST,
        "bucket" => "kryten_Lounge_userlist",
        _ => "users",
    };
    let text = match random.random_range(0..4) {
        0 => mutate::odd_text(random),
        1 => {
            let mut bytes = usual.as_bytes().to_vec();
            mutate::bytes(random, &mut bytes);
            return escaped(&bytes, random);
        }
        _ => usual.to_owned(),
    };
    escaped(text.as_bytes(), random)
}

/// Percent-encoded; now and then as it is, so that the request line is broken.
fn escaped(bytes: &[u8], random: &mut StdRng) -> String {
    if random.random_ratio(1, 12) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let escape = |byte: &u8| match byte.is_ascii_alphanumeric() || b"-_.".contains(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    bytes.iter().map(escape).collect()
}

fn header(random: &mut StdRng) -> String {
    let name = [
        "Accept",
        "Accept-Language",
        "Authorization",
        "Cookie",
        "Last-Event-ID",
        "X-Forwarded-For",
        "X-Forwarded-User",
        "If-None-Match",
        "Range",
        "Expect",
        "Upgrade",
    ]
    .choose(random)
    .copied()
    .unwrap_or("Accept");
    let usual = match name {
        "Accept" => "text/html",
        "Authorization" => "Bearer 0123456789abcdefgh",
        "Cookie" => "kryten_session=0123456789abcdefgh",
        "X-Forwarded-For" => "192.0.2.7",
        "Range" => "bytes=0-",
        _ => "1",
    };
    let value = match random.random_bool(0.5) {
        true => usual.to_owned(),
        false => mutate::odd_text(random).replace(['\r', '\n'], " "),
    };
    format!("{name}: {value}\r\n")
}

fn form(random: &mut StdRng) -> Vec<u8> {
    let token = filled("name", random);
    let next = filled("name", random);
    let mut body = format!("token={token}&next=/{next}").into_bytes();
    if random.random_ratio(1, 4) {
        mutate::bytes(random, &mut body);
    }
    body
}
