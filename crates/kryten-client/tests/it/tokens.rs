//! An operator, an account and users of it, with the tokens that a server without a user list trusts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// Signs an account, which signs users.
pub(crate) struct Operator {
    operator: KeyPair,
    system: KeyPair,
    account: KeyPair,
}

impl Operator {
    pub(crate) fn new() -> Self {
        Self {
            operator: KeyPair::new_operator(),
            system: KeyPair::new_account(),
            account: KeyPair::new_account(),
        }
    }

    /// What the server must know: the operator's token, and the accounts'.
    pub(crate) fn server_config(&self) -> String {
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
        });
        let system = json!({"type": "account", "version": 2, "limits": {
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        }});
        let account = json!({"type": "account", "version": 2, "limits": limits});
        let operator =
            json!({"type": "operator", "version": 2, "system_account": self.system.public_key()});
        format!(
            "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}\n",
            token(&self.operator, &self.operator, "an operator", operator),
            self.system.public_key(),
            self.system.public_key(),
            token(&self.operator, &self.system, "SYS", system),
            self.account.public_key(),
            token(&self.operator, &self.account, "an account", account),
        )
    }

    /// A credentials file of a new user.
    pub(crate) fn credentials(&self, name: &str) -> String {
        let user = KeyPair::new_user();
        let claims = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
        format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             ************************* IMPORTANT *************************\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            token(&self.account, &user, name, claims),
            user.seed().unwrap(),
        )
    }
}

fn token(issuer: &KeyPair, subject: &KeyPair, name: &str, claims: Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let body = part(json!({
        "jti": "A", "iat": 1_700_000_000, "iss": issuer.public_key(), "name": name, "sub": subject.public_key(),
        "nats": claims,
    }));
    let signature = issuer.sign(format!("{head}.{body}").as_bytes()).unwrap();
    format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}
