//! Why no connection was made.

use std::error::Error;
use std::fmt;
use std::io;

use async_nats::ConnectErrorKind;
use async_nats::rustls::{self, AlertDescription, CertificateError};

use super::settings::{SettingError, Settings};

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The configuration cannot be used; no server was asked.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// No server listens there.
    #[error("no NATS server answers at {servers}; start one, or name another with --nats")]
    ServerAway {
        /// The addresses without credentials.
        servers: String,
        /// What the system said.
        #[source]
        source: Box<async_nats::ConnectError>,
    },
    /// The server refuses the credentials.
    #[error("the NATS server at {servers} refuses the credentials; {advice}")]
    WrongCredentials {
        /// The addresses without credentials.
        servers: String,
        /// What to look at.
        advice: String,
        /// What the server said.
        #[source]
        source: Box<async_nats::ConnectError>,
    },
    /// The secure connection could not be made.
    #[error("no secure connection to the NATS server at {servers}: {problem}")]
    Tls {
        /// The addresses without credentials.
        servers: String,
        /// What is wrong, and what to do.
        problem: TlsProblem,
        /// What went wrong.
        #[source]
        source: Box<async_nats::ConnectError>,
    },
    /// A server listens but does not answer in time.
    #[error(
        "the NATS server at {servers} did not answer in time; try again, or raise nats.connect_timeout"
    )]
    TimedOut {
        /// The addresses without credentials.
        servers: String,
    },
}

/// What is wrong with a secure connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The server's certificate is signed by nobody whom we trust.
    UnknownAuthority,
    /// As above, although authorities are configured.
    NotOfThisAuthority,
    /// The server's certificate is for another name.
    WrongName,
    /// The server's certificate is not valid now.
    Expired,
    /// The server wants a certificate of ours, and none is configured.
    WantsCertificate,
    /// The server does not accept our certificate.
    RefusedCertificate,
    /// Our certificate and key do not belong together, or cannot be used.
    UnusableCertificate,
    /// The server speaks no TLS.
    NoTls,
    /// Something else.
    Other,
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAuthority => {
                "its certificate is signed by nobody whom this system trusts; name the authority's certificate in \
                 nats.tls_ca"
            }
            Self::NotOfThisAuthority => {
                "its certificate is not signed by an authority in nats.tls_ca; name the right file there"
            }
            Self::WrongName => {
                "its certificate is for another name; write the name that is in it into nats.servers"
            }
            Self::Expired => "its certificate is not valid now; renew it, and look at both clocks",
            Self::WantsCertificate => {
                "it wants a certificate of ours; name one in nats.tls_cert and its key in nats.tls_key"
            }
            Self::RefusedCertificate => {
                "it does not accept our certificate; have the one in nats.tls_cert signed by an authority that it trusts"
            }
            Self::UnusableCertificate => {
                "our certificate cannot be used; check that nats.tls_cert and nats.tls_key belong together"
            }
            Self::NoTls => {
                "it speaks no TLS; turn TLS on there, or write nats:// and take the tls_ keys out of the configuration"
            }
            Self::Other => "the handshake failed; look at the server's log",
        })
    }
}

impl ConnectError {
    pub(super) fn new(settings: &Settings, error: async_nats::ConnectError) -> Self {
        let problem = tls_problem(settings, &error);
        let servers = settings.shown();
        let kind = error.kind();
        let source = Box::new(error);
        if let Some(problem) = problem {
            return Self::Tls {
                servers,
                problem,
                source,
            };
        }
        match kind {
            ConnectErrorKind::Tls => Self::Tls {
                servers,
                problem: match settings.has_certificate {
                    true => TlsProblem::UnusableCertificate,
                    false => TlsProblem::Other,
                },
                source,
            },
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                Self::WrongCredentials {
                    servers,
                    advice: settings.credentials.advice(),
                    source,
                }
            }
            ConnectErrorKind::TimedOut => Self::TimedOut { servers },
            ConnectErrorKind::ServerParse => SettingError::BadUrl { url: servers }.into(),
            ConnectErrorKind::Dns | ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => {
                Self::ServerAway { servers, source }
            }
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::ServerAway { .. } | Self::TimedOut { .. })
    }
}

/// A failed handshake arrives as an I/O error around the one of rustls.
fn tls_problem(settings: &Settings, error: &async_nats::ConnectError) -> Option<TlsProblem> {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let found = error
            .downcast_ref::<rustls::Error>()
            .or_else(|| inner?.downcast_ref::<rustls::Error>());
        if let Some(error) = found {
            return Some(problem_of(settings, error));
        }
        // The server has closed the connection before its reason could be read.
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if let Some(io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) = kind
            && settings.requires_tls
        {
            return Some(certificate_problem(settings));
        }
        cause = error.source();
    }
    None
}

fn problem_of(settings: &Settings, error: &rustls::Error) -> TlsProblem {
    use rustls::Error;
    match error {
        Error::InvalidCertificate(problem) => match problem {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsProblem::WrongName
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsProblem::Expired,
            _ if settings.has_ca => TlsProblem::NotOfThisAuthority,
            _ => TlsProblem::UnknownAuthority,
        },
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::HandshakeFailure
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied,
        ) => certificate_problem(settings),
        Error::InvalidMessage(_) => TlsProblem::NoTls,
        Error::InconsistentKeys(_) => TlsProblem::UnusableCertificate,
        _ => TlsProblem::Other,
    }
}

fn certificate_problem(settings: &Settings) -> TlsProblem {
    match settings.has_certificate {
        true => TlsProblem::RefusedCertificate,
        false => TlsProblem::WantsCertificate,
    }
}
