//! The block that `kryten up` prints when it is ready.

use std::path::Path;

use super::services::Services;

/// Addresses, folder, channels and what to try next.
pub(super) fn block(
    services: &Services,
    data_dir: &Path,
    log: &Path,
    names_data_dir: bool,
) -> String {
    let option = if names_data_dir {
        format!(" --data-dir {}", shown(data_dir))
    } else {
        String::new()
    };
    let mut lines = vec![
        "kryten is up".to_owned(),
        String::new(),
        format!("  page      {}", services.web_url()),
        format!("  NATS      {}{}", services.nats_url(), nats_note(services)),
        format!("  data      {}", shown(data_dir)),
        format!("  log       {}", shown(log)),
    ];
    let reports = services.reports();
    for report in &reports {
        let place = if services.is_demo() {
            "simulated"
        } else {
            report.domain.as_str()
        };
        let note = match (&report.stopped, report.in_channel) {
            (Some(why), _) => format!("given up: {why}"),
            (None, true) => "joined".to_owned(),
            (None, false) => "not joined yet, trying".to_owned(),
        };
        lines.push(format!("  channel   {} ({place}), {note}", report.channel));
    }
    let channel = reports
        .first()
        .map_or("demo", |report| report.channel.as_str());
    lines.extend([
        String::new(),
        "Try next, in another terminal:".to_owned(),
        format!("  kryten{option} stats channel top {channel}"),
        format!("  kryten{option} stats leaderboard kudos"),
        format!("  kryten{option} kv get kryten_{channel}_playlist current"),
        format!("  kryten{option} kv create my_counters"),
        format!("  kryten{option} kv incr my_counters user:bob"),
        String::new(),
        "Ctrl-C stops everything; nothing is lost.".to_owned(),
    ]);
    lines.join("\n")
}

fn nats_note(services: &Services) -> &'static str {
    if services.has_private_nats() {
        "  (login: connection.json in `data`)"
    } else {
        ""
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
