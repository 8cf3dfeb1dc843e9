//! The door: who may see the page. A token, a proxy's word, or, on this machine only, nothing.

mod login;
mod token;
mod visitor;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::config::WebConfig;
use crate::error::{Refused, refuse};
pub(crate) use login::routes;
use token::Token;
pub(crate) use visitor::Visitor;

/// The rules, made ready.
#[derive(Debug)]
pub(crate) struct Access {
    config: WebConfig,
    token: Option<Token>,
}

impl Access {
    pub(crate) fn new(config: WebConfig) -> Self {
        Self {
            token: config.token.as_ref().map(Token::new),
            config,
        }
    }

    /// Whether there is a page to log in.
    pub(crate) fn has_login(&self) -> bool {
        self.token.is_some()
    }

    /// Whether these headers, from this address, open the door.
    fn admits(
        &self,
        peer: Option<SocketAddr>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Refused> {
        if self.config.is_open() {
            return match is_known_host(&self.config.names, uri, headers) {
                true => Ok(()),
                false => Err(Refused::UnknownHost),
            };
        }
        if self
            .token
            .as_ref()
            .is_some_and(|token| token.is_in(headers))
        {
            return Ok(());
        }
        if let Some(proxy) = &self.config.proxy {
            let comes_from_it = peer.is_some_and(|peer| {
                let address = peer.ip().to_canonical();
                proxy
                    .addresses
                    .iter()
                    .any(|known| known.to_canonical() == address)
            });
            let names_somebody = headers
                .get(&proxy.user_header)
                .is_some_and(|user| !user.as_bytes().trim_ascii().is_empty());
            if comes_from_it && names_somebody {
                return Ok(());
            }
        }
        Err(match self.token {
            Some(_) => Refused::NotLoggedIn,
            None => Refused::NotThroughTheProxy,
        })
    }
}

/// Lets in who may come in.
pub(crate) async fn door(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    // The page to log in, and what it looks like.
    if access.has_login() && (path == login::PATH || path.starts_with("/assets/")) {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| *peer);
    match access.admits(peer, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refuse(refused, request.uri(), request.headers()),
    }
}

/// Where nobody logs in, a foreign page could have its own name lead to this machine and read through the visitor's
/// browser. It cannot do so under an address or a name that it does not own.
fn is_known_host(names: &[String], uri: &Uri, headers: &HeaderMap) -> bool {
    let given = headers.get(header::HOST).map(|host| host.to_str());
    let host = match given {
        Some(Ok(host)) => host,
        Some(Err(_)) => return false,
        None => match uri.authority() {
            Some(authority) => authority.as_str(),
            None => return true,
        },
    };
    if host.parse::<SocketAddr>().is_ok() {
        return true;
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_ours_is_no_host_of_an_open_page() {
        let host = |name: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, name.parse().unwrap())]);
            is_known_host(&["tv.example".to_owned()], &Uri::from_static("/"), &headers)
        };
        for ours in [
            "127.0.0.1:8088",
            "127.0.0.1",
            "[::1]:8088",
            "[::1]",
            "localhost:1",
            "LOCALHOST",
            "tv.example",
            "TV.example:8088",
        ] {
            assert!(host(ours), "{ours}");
        }
        for foreign in [
            "evil.example",
            "evil.example:8088",
            "localhost.evil.example",
            "",
            "x:y",
        ] {
            assert!(!host(foreign), "{foreign}");
        }
        assert!(is_known_host(
            &[],
            &Uri::from_static("/"),
            &HeaderMap::new()
        ));
    }
}
