//! https and wss, with a certificate of our own.

use std::net::SocketAddr;
use std::sync::Arc;

use kryten_cytube::{ConnectError, DisconnectReason};
use kryten_sim::{Sim, SimConfig, SimHandle};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::{Client, config};

struct Secure {
    sim: SimHandle,
    url: String,
    certificate: tempfile::NamedTempFile,
}

/// A simulator behind TLS; its socketconfig names an address that does not work first, then the secure one.
async fn secure() -> Secure {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let sim = Sim::start(SimConfig {
        secure_url: Some(url.clone()),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    tokio::spawn(forward(
        listener,
        TlsAcceptor::from(Arc::new(tls)),
        sim.addr(),
    ));
    let certificate = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(certificate.path(), cert.pem()).unwrap();
    Secure {
        sim,
        url,
        certificate,
    }
}

async fn forward(listener: TcpListener, tls: TlsAcceptor, to: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let tls = tls.clone();
        tokio::spawn(async move {
            // A client that does not trust us hangs up here.
            let Ok(mut client) = tls.accept(stream).await else {
                return;
            };
            let mut server = TcpStream::connect(to).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

#[tokio::test]
async fn the_secure_server_is_joined_with_a_certificate_from_a_file() {
    let secure = secure().await;
    let mut settings = config(&secure.sim);
    settings.url = Some(secure.url.clone());
    settings.ca_file = Some(secure.certificate.path().to_owned());
    let mut client = Client::start(settings);
    client.joined().await;
    secure.sim.say("alice", "over wss").await.unwrap();
    client.event("chatMsg").await;
    assert_eq!(client.event("chatMsg").await["msg"], "over wss");
}

#[tokio::test]
async fn an_unknown_certificate_is_not_trusted() {
    let secure = secure().await;
    let mut settings = config(&secure.sim);
    settings.url = Some(secure.url.clone());
    let mut client = Client::start(settings);
    let (reason, _) = client.disconnected().await;
    match reason {
        DisconnectReason::Connect(error) => {
            assert!(
                matches!(&*error, ConnectError::Untrusted { .. }),
                "{error:?}"
            );
            let told = error.to_string();
            assert!(
                told.ends_with("is not trusted; name its authority's PEM file as cytube.ca_file")
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(secure.sim.progress().borrow().connections, 0);
}

#[tokio::test]
async fn a_certificate_file_that_is_none_stops_the_client_with_its_name() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let empty = tempfile::NamedTempFile::new().unwrap();
    let mut settings = config(&sim);
    settings.ca_file = Some(empty.path().to_owned());
    let reason = Client::start(settings).stopped().await;
    let path = empty.path().display().to_string();
    assert!(reason.to_string().contains(&path), "{reason}");
}
