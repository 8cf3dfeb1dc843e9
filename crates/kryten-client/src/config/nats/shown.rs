//! What a configuration shows of itself: never a secret, not even one in an address.

use std::fmt;

use super::NatsConfig;

/// An address without the part before its `@`, which holds user and password, or a token; for whatever is shown.
pub fn without_user_part(address: &str) -> String {
    // What stands before `://` may be a password as well, where somebody has forgotten something.
    let is_scheme = |text: &str| !text.contains([':', '@']);
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (format!("{scheme}://"), rest),
        _ => (String::new(), address),
    };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}{}", without_odd_port(host))
}

/// A port that is none is what was meant as a password, where the host was forgotten.
fn without_odd_port(host: &str) -> String {
    let is_port = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    match host.split_once(':') {
        Some((name, port)) if !host.starts_with('[') && !is_port(port.trim_end_matches('/')) => {
            format!("{name}:…")
        }
        _ => host.to_owned(),
    }
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<String> = self.servers.iter().map(|s| without_user_part(s)).collect();
        f.debug_struct("NatsConfig")
            .field("servers", &servers)
            .field("url", &self.url.as_deref().map(without_user_part))
            .field("user", &self.user)
            .field("password", &self.password)
            .field("token", &self.token)
            .field("nkey_seed", &self.nkey_seed)
            .field("nkey_seed_file", &self.nkey_seed_file)
            .field("credentials_file", &self.credentials_file)
            .field("tls_ca", &self.tls_ca)
            .field("tls_cert", &self.tls_cert)
            .field("tls_key", &self.tls_key)
            .field("tls_required", &self.tls_required)
            .field("tls_handshake_first", &self.tls_handshake_first)
            .field("jetstream_domain", &self.jetstream_domain)
            .field("jetstream_prefix", &self.jetstream_prefix)
            .field("inbox_prefix", &self.inbox_prefix)
            .field("seal_key", &self.seal_key)
            .field("replicas", &self.replicas)
            .field("connect_timeout", &self.connect_timeout)
            .field("ping_interval", &self.ping_interval)
            .field("name", &self.name)
            .field("retry_on_initial_connect", &self.retry_on_initial_connect)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_is_secret() {
        for (address, shown) in [
            ("nats://bob:hunter2@host:4222", "nats://host:4222"),
            ("tls://t0ken@host", "tls://host"),
            ("bob:p@ss@host", "host"),
            ("nats://u:p@w@host:4222", "nats://host:4222"),
            ("tls://host", "tls://host"),
            ("u:p@host:4222", "host:4222"),
            ("host:4222", "host:4222"),
            ("hunter2@://", "://"),
            ("bob:hunter2@://host", ":…"),
            ("nats://[::1]:4222/", "nats://[::1]:4222/"),
            ("nats://bob:hunter2", "nats://bob:…"),
        ] {
            assert_eq!(without_user_part(address), shown);
        }
        let config = NatsConfig {
            url: Some("nats://bob:hunter2@old".into()),
            token: Some("hunter2".into()),
            nkey_seed: Some("hunter2".into()),
            seal_key: Some("hunter2".into()),
            ..NatsConfig::for_url("nats://bob:hunter2@host").with_user("bob", "hunter2")
        };
        let shown = format!("{config:?} {config:#?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("nats://host"), "{shown}");
    }
}
