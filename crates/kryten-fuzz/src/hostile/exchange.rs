//! One HTTP exchange by hand, since a client that minds its manners could not send what an attacker sends.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// The head, in lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answered {
    pub(super) fn header(&self, name: &str) -> &str {
        let mut values = self.head.lines().filter_map(|line| {
            let (found, value) = line.split_once(':')?;
            (found == name).then(|| value.trim())
        });
        values.next().unwrap_or_default()
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Sends the bytes and reads what is answered, or only its head where the body is a stream without end. `None` where the other side closed without an answer, as it may on bytes that are no HTTP.
pub(super) async fn exchange(
    to: SocketAddr,
    request: &[u8],
    patience: Duration,
) -> Result<Option<Answered>, String> {
    let has_body = !request.starts_with(b"HEAD ");
    let work = async {
        let mut socket = TcpStream::connect(to).await?;
        // Who refuses early does not read the rest.
        let _ = socket.write_all(request).await;
        if !is_whole(request) {
            // Else the server would wait for the rest.
            let _ = socket.shutdown().await;
        }
        let mut read = Vec::new();
        let mut chunk = [0; 16 * 1024];
        loop {
            match socket.read(&mut chunk).await {
                Ok(0) => break,
                Ok(length) => read.extend_from_slice(&chunk[..length]),
                // Closed on us after its answer, since we still had something to say.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error),
            }
            if is_answered(&read, has_body) {
                break;
            }
        }
        Ok(read)
    };
    let read = match tokio::time::timeout(patience, work).await {
        Err(_) => return Err(format!("no answer within {} s", patience.as_secs())),
        Ok(Err(error)) => return Err(format!("no answer: {error}")),
        Ok(Ok(read)) => read,
    };
    if read.is_empty() {
        return Ok(None);
    }
    let Some((head, body)) = head_of(&read) else {
        return Err("the answer has no head".to_owned());
    };
    let status = head
        .strip_prefix("http/1.1 ")
        .or_else(|| head.strip_prefix("http/1.0 "))
        .and_then(|rest| rest.get(..3))
        .and_then(|digits| digits.parse().ok())
        .ok_or("the answer has no status")?;
    let body = match length_in(&head) {
        _ if !has_body => Vec::new(),
        _ if head.contains("transfer-encoding: chunked") => unchunked(body),
        // What follows answers what the server took for a second request.
        Some(length) => body[..length.min(body.len())].to_vec(),
        None => body.to_vec(),
    };
    Ok(Some(Answered { status, head, body }))
}

fn head_of(read: &[u8]) -> Option<(String, &[u8])> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
    Some((head, &read[end + 4..]))
}

/// Whether a server has everything that this request announces.
fn is_whole(request: &[u8]) -> bool {
    head_of(request).is_some_and(|(head, body)| body.len() >= length_in(&head).unwrap_or(0))
}

/// Whether nothing more comes.
fn is_answered(read: &[u8], has_body: bool) -> bool {
    head_of(read).is_some_and(|(head, body)| {
        !has_body
            || head.contains("text/event-stream")
            || length_in(&head).is_some_and(|length| body.len() >= length)
            || (head.contains("transfer-encoding: chunked") && body.ends_with(b"0\r\n\r\n"))
    })
}

fn length_in(head: &str) -> Option<usize> {
    let mut lengths = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-length:"));
    lengths.next()?.trim().parse().ok()
}

/// The chunks of a body, put together as far as they came.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&body[..end])
            .ok()
            .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok());
        let rest = &body[end + 2..];
        match size {
            Some(size) if size > 0 && rest.len() >= size + 2 => {
                whole.extend_from_slice(&rest[..size]);
                body = &rest[size + 2..];
            }
            _ => break,
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_and_headers_found() {
        assert_eq!(unchunked(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), b"abcde");
        let answered = Answered {
            head: "http/1.1 200 ok\r\ncontent-type: text/html\r\nx: y".to_owned(),
            ..Answered::default()
        };
        assert_eq!(answered.header("content-type"), "text/html");
        assert_eq!(answered.header("content"), "");
        let head_only = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        assert!(is_answered(head_only, false) && !is_answered(head_only, true));
        assert!(!is_whole(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"));
    }
}
