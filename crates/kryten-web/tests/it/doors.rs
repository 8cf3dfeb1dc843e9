//! Who is let in.

use std::num::NonZeroU32;

use axum::http::{HeaderName, Method, StatusCode};
use kryten_web::{Bound, ProxyConfig, WebConfig};

use crate::bench::{Answer, Bench, ask, get};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn with_token() -> WebConfig {
    let mut config = WebConfig::on("0.0.0.0:0".parse().unwrap());
    config.token = Some(TOKEN.into());
    config
}

async fn with(page: &axum::Router, path: &str, headers: &[(&str, &str)], peer: &str) -> Answer {
    ask(page, Method::GET, path, headers, Some(peer), "").await
}

#[tokio::test]
async fn nothing_is_served_to_all_the_world_by_accident() {
    let refused = Bound::bind(WebConfig::on("0.0.0.0:0".parse().unwrap())).await;
    let sentence = refused.unwrap_err().to_string();
    assert!(sentence.contains("give a token"), "{sentence}");
}

#[tokio::test]
async fn a_token_opens_everything_and_its_absence_nothing() {
    let bench = Bench::new().await;
    let page = bench.page_with(&with_token());
    let paths = [
        "/",
        "/channels",
        "/api/v1/channels",
        "/api/v1/openapi.json",
        "/health",
        "/metrics",
        "/nope",
    ];
    for path in paths {
        let shut = get(&page, path).await;
        assert_eq!(shut.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(shut.header("www-authenticate"), "Bearer");
        let wrong = with(
            &page,
            path,
            &[("authorization", "Bearer nope")],
            "10.0.0.9:1",
        )
        .await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{path}");
        let forged = with(
            &page,
            path,
            &[("x-forwarded-user", "root"), ("cookie", "kryten_session=x")],
            "127.0.0.1:1",
        )
        .await;
        assert_eq!(forged.status, StatusCode::UNAUTHORIZED, "{path}");
        let bearer = format!("Bearer {TOKEN}");
        let open = with(
            &page,
            path,
            &[("authorization", &bearer), ("host", "tv.example")],
            "10.0.0.9:1",
        )
        .await;
        let found = if path == "/nope" {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::OK
        };
        assert_eq!(open.status, found, "{path}");
    }
}

#[tokio::test]
async fn a_person_logs_in_with_the_token_and_gets_a_cookie() {
    let bench = Bench::new().await;
    let page = bench.page_with(&with_token());
    let html = [("accept", "text/html")];
    let sent = with(&page, "/channels?x=1", &html, "10.0.0.9:1").await;
    assert_eq!(sent.header("location"), "/login?next=%2Fchannels%3Fx%3D1");
    let asked = get(&page, "/login?next=%2Fchannels%3Fx%3D1").await;
    assert!(
        asked.body.contains("value=\"/channels?x=1\""),
        "{}",
        asked.body
    );
    assert_eq!(
        get(&page, "/assets/kryten.css").await.status,
        StatusCode::OK
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let wrong = ask(
        &page,
        Method::POST,
        "/login",
        &form,
        None,
        "token=guess&next=/",
    )
    .await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.body.contains("That is not the token"));
    let body = format!("token={TOKEN}&next=//evil.invalid");
    let right = ask(&page, Method::POST, "/login", &form, None, &body).await;
    assert_eq!(
        (right.status, right.header("location")),
        (StatusCode::SEE_OTHER, "/")
    );
    let cookie = right.header("set-cookie").to_owned();
    assert!(
        cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Strict")
            && !cookie.contains(TOKEN)
    );
    let cookie = cookie.split(';').next().unwrap();
    let open = with(&page, "/", &[("cookie", cookie)], "10.0.0.9:1").await;
    assert_eq!(open.status, StatusCode::OK);
    assert!(open.body.contains("Log out"));
}

#[tokio::test]
async fn a_token_cannot_be_guessed_at_speed() {
    let bench = Bench::new().await;
    let page = bench.page_with(&with_token());
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let mut answers = Vec::new();
    for _ in 0..20 {
        let answer = ask(
            &page,
            Method::POST,
            "/login",
            &form,
            Some("10.0.0.9:1"),
            "token=guess",
        )
        .await;
        answers.push(answer.status);
    }
    let guesses = answers
        .iter()
        .filter(|status| **status == StatusCode::FORBIDDEN);
    // One more is allowed every six seconds.
    assert!((10..=12).contains(&guesses.count()));
    assert_eq!(answers[19], StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_proxys_word_counts_only_from_the_proxy() {
    let bench = Bench::new().await;
    let mut config = WebConfig::on("0.0.0.0:0".parse().unwrap());
    config.proxy = Some(ProxyConfig {
        addresses: vec!["10.0.0.1".parse().unwrap()],
        user_header: HeaderName::from_static("remote-user"),
    });
    let page = bench.page_with(&config);
    let user = [("remote-user", "ann")];
    for path in ["/", "/api/v1/channels", "/metrics"] {
        assert_eq!(
            with(&page, path, &user, "10.0.0.1:1").await.status,
            StatusCode::OK
        );
        assert_eq!(
            with(&page, path, &user, "10.0.0.2:1").await.status,
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            with(&page, path, &[], "10.0.0.1:1").await.status,
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            with(&page, path, &[("remote-user", " ")], "10.0.0.1:1")
                .await
                .status,
            StatusCode::FORBIDDEN
        );
    }
}

#[tokio::test]
async fn a_foreign_name_for_this_machine_reads_nothing() {
    let bench = Bench::new().await;
    let page = bench.page().await;
    let foreign = with(
        &page,
        "/api/v1/channels",
        &[("host", "evil.example:8088")],
        "127.0.0.1:1",
    )
    .await;
    assert_eq!(foreign.status, StatusCode::MISDIRECTED_REQUEST);
    let ours = with(
        &page,
        "/api/v1/channels",
        &[("host", "localhost:8088")],
        "127.0.0.1:1",
    )
    .await;
    assert_eq!(ours.status, StatusCode::OK);
}

#[tokio::test]
async fn too_many_requests_of_one_address_are_refused_and_others_are_served() {
    let bench = Bench::new().await;
    let config = WebConfig {
        requests_per_minute: NonZeroU32::new(5).unwrap(),
        ..WebConfig::default()
    };
    let page = bench.page_with(&config);
    for _ in 0..5 {
        assert_eq!(
            with(&page, "/health", &[], "192.0.2.1:1").await.status,
            StatusCode::OK
        );
    }
    let refused = with(
        &page,
        "/health",
        &[("x-forwarded-for", "192.0.2.77")],
        "192.0.2.1:2",
    )
    .await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("retry-after"), "10");
    let mut served = 0;
    // Few of many share the first one's budget.
    for last in 2..12 {
        served += usize::from(
            with(&page, "/health", &[], &format!("192.0.2.{last}:1"))
                .await
                .status
                == StatusCode::OK,
        );
    }
    assert!(served >= 9, "{served}");
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let bench = Bench::new().await;
    let page = bench.page_with(&with_token());
    for path in ["/", "/login", "/assets/kryten.js", "/health", "/nope"] {
        let answer = get(&page, path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("unsafe") && policy.contains("require-trusted-types-for 'script'")
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert!(!answer.header("cache-control").is_empty());
    }
}
