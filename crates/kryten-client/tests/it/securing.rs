use kryten_client::connection::TlsProblem;
use kryten_client::{Client, ConnectError, NatsConfig};
use kryten_servers::NatsServer;

use crate::certificates::Certificates;
use crate::fixture::{bucket, config, in_time};

fn trusting(certificates: &Certificates, server: &NatsServer) -> NatsConfig {
    NatsConfig {
        tls_ca: Some(certificates.path("ca.pem")),
        ..config(server)
    }
}

fn showing(certificates: &Certificates, config: NatsConfig) -> NatsConfig {
    NatsConfig {
        tls_cert: Some(certificates.path("client-cert.pem")),
        tls_key: Some(certificates.path("client-key.pem")),
        ..config
    }
}

async fn refused(config: &NatsConfig) -> ConnectError {
    in_time(Client::connect(config)).await.unwrap_err()
}

/// One clear sentence that says what to do, and the password in none of its forms.
async fn problem(config: &NatsConfig, advice: &str) -> TlsProblem {
    let error = refused(config).await;
    let sentence = error.to_string();
    assert!(sentence.contains(advice), "{sentence}");
    let ConnectError::Tls { problem, .. } = error else {
        panic!("{error:?}");
    };
    problem
}

#[tokio::test]
async fn a_servers_certificate_is_verified() {
    let certificates = Certificates::new();
    let server = certificates.server("server", "").await;
    let client = Client::connect(&trusting(&certificates, &server))
        .await
        .unwrap();
    let kv = bucket(&client, "any").await;
    assert_eq!(kv.put_text("key", "value").await.unwrap(), 1);

    let distrusting = config(&server);
    assert_eq!(
        problem(
            &distrusting,
            "name the authority's certificate in nats.tls_ca"
        )
        .await,
        TlsProblem::UnknownAuthority
    );
    let other = Certificates::new();
    assert_eq!(
        problem(&trusting(&other, &server), "name the right file there").await,
        TlsProblem::NotOfThisAuthority
    );
    let elsewhere = certificates.server("elsewhere", "").await;
    assert_eq!(
        problem(
            &trusting(&certificates, &elsewhere),
            "write the name that is in it into nats.servers"
        )
        .await,
        TlsProblem::WrongName
    );
}

#[tokio::test]
async fn both_sides_may_show_a_certificate() {
    let certificates = Certificates::new();
    let server = certificates.server("server", "verify: true").await;
    let mutual = showing(&certificates, trusting(&certificates, &server));
    let client = Client::connect(&mutual).await.unwrap();
    assert!(client.is_connected());
    let once = kryten_client::one_life::OneLife::connect(&mutual).await;
    assert!(once.unwrap().client().is_connected());

    // Whether the refusal arrives before the end of the connection is the system's choice; the sentence is the same.
    for _ in 0..10 {
        let without = trusting(&certificates, &server);
        assert_eq!(
            problem(
                &without,
                "name one in nats.tls_cert and its key in nats.tls_key"
            )
            .await,
            TlsProblem::WantsCertificate
        );
    }
    let other = Certificates::new();
    let foreign = showing(&other, trusting(&certificates, &server));
    assert_eq!(
        problem(
            &foreign,
            "have the one in nats.tls_cert signed by an authority"
        )
        .await,
        TlsProblem::RefusedCertificate
    );
}

#[tokio::test]
async fn tls_may_begin_before_the_server_introduces_itself() {
    let certificates = Certificates::new();
    let server = certificates.server("server", "handshake_first: true").await;
    let first = NatsConfig {
        tls_handshake_first: true,
        ..trusting(&certificates, &server)
    };
    assert!(Client::connect(&first).await.unwrap().is_connected());
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_configured() {
    let certificates = Certificates::new();
    let server = NatsServer::ephemeral().await;
    let secure = trusting(&certificates, &server);
    assert_eq!(
        problem(&secure, "it speaks no TLS").await,
        TlsProblem::NoTls
    );
    let either = NatsConfig {
        tls_required: Some(false),
        ..secure
    };
    assert!(Client::connect(&either).await.unwrap().is_connected());
    let required = NatsConfig {
        tls_required: Some(true),
        ..config(&server)
    };
    assert_eq!(
        problem(&required, "it speaks no TLS").await,
        TlsProblem::NoTls
    );
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_before_a_server_is_asked() {
    let certificates = Certificates::new();
    let path = |name: &str| Some(certificates.path(name));
    let nowhere = NatsConfig::for_url("nats://127.0.0.1:1");
    for (config, sentence) in [
        (
            NatsConfig {
                tls_ca: path("absent.pem"),
                ..nowhere.clone()
            },
            "absent.pem, which nats.tls_ca names: ",
        ),
        (
            NatsConfig {
                tls_ca: path("client-key.pem"),
                ..nowhere.clone()
            },
            "client-key.pem, which nats.tls_ca names, holds no certificate in PEM form",
        ),
        (
            NatsConfig {
                tls_cert: path("client-cert.pem"),
                ..nowhere.clone()
            },
            "nats.tls_cert needs nats.tls_key beside it",
        ),
        (
            NatsConfig {
                tls_key: path("client-key.pem"),
                ..nowhere.clone()
            },
            "nats.tls_key needs nats.tls_cert beside it",
        ),
        (
            NatsConfig {
                tls_cert: path("client-cert.pem"),
                tls_key: path("client-cert.pem"),
                ..nowhere.clone()
            },
            "client-cert.pem, which nats.tls_key names, holds no private key in PEM form",
        ),
    ] {
        let error = refused(&config).await;
        assert!(matches!(error, ConnectError::Setting(_)), "{error:?}");
        assert!(error.to_string().contains(sentence), "{error}");
    }
    let server = certificates.server("server", "").await;
    let mixed = NatsConfig {
        tls_cert: path("client-cert.pem"),
        tls_key: path("server-key.pem"),
        ..trusting(&certificates, &server)
    };
    assert_eq!(
        problem(
            &mixed,
            "check that nats.tls_cert and nats.tls_key belong together"
        )
        .await,
        TlsProblem::UnusableCertificate
    );
}
