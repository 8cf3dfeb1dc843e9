//! https and wss with a certificate of the simulator's own.

use std::sync::Arc;

use futures_util::StreamExt;
use kryten_sim::{Sim, SimConfig, SimError, TlsConfig, TlsError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

fn trusting(ca: &str) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = reqwest::Certificate::from_pem(ca.as_bytes()).unwrap();
    let builder = reqwest::Client::builder().tls_certs_only([ca]);
    builder.build().unwrap()
}

#[tokio::test]
async fn the_secure_address_is_named_first_and_serves_who_trusts_the_authority() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let sim = Sim::start(SimConfig {
        tls: Some(TlsConfig {
            ca_file: Some(ca_file.clone()),
            ..TlsConfig::on_loopback()
        }),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let ca = std::fs::read_to_string(&ca_file).unwrap();
    assert_eq!(Some(ca.as_str()), sim.ca_pem());
    let (url, http) = (sim.secure_url().unwrap(), trusting(&ca));
    for name in [url.clone(), url.replace("127.0.0.1", "localhost")] {
        let config = http.get(format!("{name}/socketconfig/lounge.json"));
        let config: Value = config.send().await.unwrap().json().await.unwrap();
        assert_eq!(config["servers"][0]["url"], name.as_str());
        assert_eq!(config["servers"][0]["secure"], true);
        assert_eq!(config["servers"][1]["secure"], false);
        let plain = config["servers"][1]["url"].as_str().unwrap();
        assert!(
            plain.ends_with(&format!(":{}", sim.addr().port())),
            "{plain}"
        );
    }

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = format!("{url}/socket.io/?EIO=3&transport=websocket").replace("https", "wss");
    let connector = Connector::Rustls(Arc::new(config));
    let connected = connect_async_tls_with_config(address, None, false, Some(connector)).await;
    let (mut websocket, _) = connected.unwrap();
    let open = websocket.next().await.unwrap().unwrap();
    assert!(open.to_text().unwrap().starts_with("0{"));
}

#[tokio::test]
async fn who_does_not_trust_the_authority_hangs_up_and_others_are_served() {
    let sim = Sim::start(SimConfig {
        tls: Some(TlsConfig::on_loopback()),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let http = trusting(sim.ca_pem().unwrap());
    let url = format!("{}/socketconfig/lounge.json", sim.secure_url().unwrap());
    let stranger = reqwest::Client::builder().tls_certs_only([]).build();
    assert!(stranger.unwrap().get(&url).send().await.is_err());
    assert_eq!(http.get(&url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_place_where_nothing_can_be_written_is_named() {
    let tls = TlsConfig {
        ca_file: Some("/nowhere/at/all/ca.pem".into()),
        ..TlsConfig::on_loopback()
    };
    let started = Sim::start(SimConfig {
        tls: Some(tls),
        ..SimConfig::quiet("Lounge")
    });
    match started.await {
        Err(SimError::Tls(error @ TlsError::Write { .. })) => {
            assert!(error.to_string().contains("/nowhere/at/all/ca.pem"));
        }
        other => panic!("{other:?}"),
    }
}
