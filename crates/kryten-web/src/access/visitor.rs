//! From which address a request comes.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

use crate::config::ProxyConfig;

/// Who asks, as far as limits need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Visitor(pub(crate) IpAddr);

impl Visitor {
    /// The address that asks; behind a known proxy the last one that this proxy names. Of IPv6 the network counts,
    /// since everybody has as many addresses in his as he likes.
    pub(crate) fn of(
        peer: Option<SocketAddr>,
        headers: &HeaderMap,
        proxy: Option<&ProxyConfig>,
    ) -> Self {
        let Some(peer) = peer else {
            return Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        };
        let peer = peer.ip().to_canonical();
        let behind = proxy.filter(|proxy| {
            proxy
                .addresses
                .iter()
                .any(|known| known.to_canonical() == peer)
        });
        let named = behind.and_then(|_| {
            let last = headers.get_all("x-forwarded-for").iter().next_back()?;
            let last = last.to_str().ok()?.rsplit(',').next()?;
            last.trim().parse::<IpAddr>().ok()
        });
        Self(match named.unwrap_or(peer).to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(network.into())
            }
            address => address,
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn only_a_known_proxy_tells_whom_it_asks_for() {
        let proxy = ProxyConfig {
            addresses: vec!["10.0.0.1".parse().unwrap()],
            user_header: HeaderName::from_static("x-forwarded-user"),
        };
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x-forwarded-for"),
            "6.6.6.6, 192.0.2.7".parse().unwrap(),
        )]);
        let of = |peer: &str, proxy| {
            Visitor::of(Some(peer.parse().unwrap()), &headers, proxy)
                .0
                .to_string()
        };
        assert_eq!(of("10.0.0.1:5", Some(&proxy)), "192.0.2.7");
        assert_eq!(of("[::ffff:10.0.0.1]:5", Some(&proxy)), "192.0.2.7");
        assert_eq!(of("10.0.0.2:5", Some(&proxy)), "10.0.0.2");
        assert_eq!(of("10.0.0.1:5", None), "10.0.0.1");
        assert_eq!(of("[2001:db8:1:2:3:4:5:6]:5", None), "2001:db8:1:2::");
    }
}
