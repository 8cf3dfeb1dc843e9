//! A TCP connection to whichever of a host's addresses answers.
//!
//! The addresses are tried a moment apart, not one after the other's failure: one that never answers, as behind an
//! IPv6 that is broken on the way, would need all the time that there is (RFC 8305, "happy eyeballs").

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::http::Uri;

/// How long an address is alone before the next one is tried as well.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the host of a websocket's address.
pub(super) async fn dial(uri: &Uri) -> Result<TcpStream, tungstenite::Error> {
    let host = uri.host().ok_or(UrlError::NoHostName)?;
    let usual_port = match uri.scheme_str() {
        Some("wss") => Some(443),
        Some("ws") => Some(80),
        _ => None,
    };
    let port = uri.port_u16().or(usual_port);
    let port = port.ok_or(UrlError::UnsupportedUrlScheme)?;
    let addresses = lookup_host(format!("{host}:{port}")).await?;
    Ok(first_to_answer(addresses.collect()).await?)
}

/// The first connection that comes about; where none does, why the last one failed.
async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut untried = families_in_turn(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        attempts.extend(untried.next().map(TcpStream::connect));
        tokio::select! {
            answer = attempts.next() => match answer {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => failure = error,
                None => return Err(failure),
            },
            () = sleep(HEAD_START), if untried.len() > 0 => {}
        }
    }
}

/// The addresses in their order, but the two families by turns: what is broken is mostly one of them.
fn families_in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_six_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let is_of_first = |address: &SocketAddr| address.is_ipv6() == is_six_first;
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(is_of_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut in_turn = Vec::new();
    loop {
        let before = in_turn.len();
        in_turn.extend(first.next());
        in_turn.extend(second.next());
        if in_turn.len() == before {
            return in_turn;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::timeout;

    use super::*;

    /// Less than the system waits for an address that does not answer.
    const LIMIT: Duration = Duration::from_secs(10);

    /// An address that does not answer: nobody takes the connections that wait there, and no more may wait.
    async fn silent() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = timeout(HEAD_START, TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
        }
        (address, listener, waiting)
    }

    async fn answering() -> (SocketAddr, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (listener.local_addr().unwrap(), listener)
    }

    async fn refusing() -> SocketAddr {
        let (address, _) = answering().await;
        address
    }

    #[tokio::test]
    async fn an_address_that_never_answers_keeps_nobody_from_the_next_one() {
        let (silent, _listener, _waiting) = silent().await;
        let (answering, _listening) = answering().await;
        let answer = timeout(LIMIT, first_to_answer(vec![silent, silent, answering]));
        let stream = answer.await.expect("an answer in time").unwrap();
        assert_eq!(stream.peer_addr().unwrap(), answering);
    }

    #[tokio::test]
    async fn a_refusal_is_no_reason_to_wait_and_the_error_where_all_refuse() {
        let (one, two) = (refusing().await, refusing().await);
        let (answering, _listening) = answering().await;
        let stream = first_to_answer(vec![one, two, answering]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), answering);
        let error = first_to_answer(vec![one, two]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = first_to_answer(Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn families_take_turns_and_the_first_one_begins() {
        let addresses = |text: &str| -> Vec<SocketAddr> {
            text.split(' ')
                .map(|address| address.parse().unwrap())
                .collect()
        };
        for (found, tried) in [
            (
                "[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1 2.2.2.2:1",
                "[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1 [::3]:1",
            ),
            ("1.1.1.1:1 2.2.2.2:1 [::1]:1", "1.1.1.1:1 [::1]:1 2.2.2.2:1"),
            ("1.1.1.1:1", "1.1.1.1:1"),
        ] {
            assert_eq!(families_in_turn(addresses(found)), addresses(tried));
        }
        assert!(families_in_turn(Vec::new()).is_empty());
    }
}
