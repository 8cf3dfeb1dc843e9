//! P8: how soon there is an answer, and how much memory it takes.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kryten_client::round_trip::round_trip;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::grid::{Grid, median, shown};
use crate::sides::Sync;
use crate::theatre::{PATIENCE, Programs, Theatre, Who, configuration, memory, names, quiet_sim};

/// Lines that are said before memory is looked at.
const LINES: u64 = 2_000;

/// What one start came to.
struct Start {
    seconds: f64,
    megabytes: f64,
}

pub(super) async fn run(programs: &Programs, quick: bool) -> anyhow::Result<Grid> {
    let rounds = if quick { 1 } else { 7 };
    let lines = if quick { 100 } else { LINES };
    let [mut all, mut ours, mut theirs] = [const { Vec::new() }; 3];
    for round in 0..rounds {
        all.push(up(programs, lines).await?);
        for who in Who::in_turn(round) {
            let start = alone(programs, who, lines).await?;
            match who {
                Who::Ours => ours.push(start),
                Who::Original => theirs.push(start),
            }
        }
    }
    let mut grid = Grid::new(&["what", "seconds to the first answer", "resident MB"]);
    let mut medians = Vec::new();
    for (what, starts) in [
        (
            "`kryten up`: nats-server started too, robot, userstats and page in one process; MB without nats-server",
            &all,
        ),
        ("`kryten robot`", &ours),
        ("kryten-robot 1.12.6", &theirs),
    ] {
        let seconds: Vec<f64> = starts.iter().map(|start| start.seconds).collect();
        let megabytes: Vec<f64> = starts.iter().map(|start| start.megabytes).collect();
        grid.line([what.to_owned(), shown(&seconds), shown(&megabytes)]);
        medians.push((median(&seconds), median(&megabytes)));
        grid.samples
            .push(json!({"what": what, "seconds": seconds, "megabytes": megabytes}));
    }
    let size = std::fs::metadata(&programs.kryten)?.len() as f64 / 1e6;
    grid.at_most("seconds to the first answer of `up`", medians[0].0, 1.0);
    grid.at_most(
        "resident MB of robot, userstats and page",
        medians[0].1,
        40.0,
    );
    grid.at_most("MB of the program", size, 30.0);
    grid.note(format!(
        "From the start of the process to the first answer: of `up` HTTP 200 of /health, which comes when the robot is \
         in the channel and userstats counts; of a robot alone a reply to system.ping, with it in the channel and the \
         nats-server running before. One channel over https; memory after {lines} chat lines."
    ));
    Ok(grid)
}

async fn alone(programs: &Programs, who: Who, lines: u64) -> anyhow::Result<Start> {
    let theatre = Theatre::open(programs, who, Sync::Default, 1).await?;
    let mut events = theatre.events().await?;
    ensure!(
        round_trip(&theatre.nats.nats()).await,
        "NATS does not answer"
    );
    for number in 0..lines {
        theatre.line("bench", number.to_string()).await?;
    }
    let last = (lines - 1).to_string();
    loop {
        let message = futures_util::StreamExt::next(&mut events);
        let message = tokio::time::timeout(PATIENCE, message).await?;
        let message = message.context("the subscription ended")?;
        if crate::load::text_of(&message).as_ref() == Some(&last) {
            break;
        }
    }
    let start = Start {
        seconds: theatre.first_answer.as_secs_f64(),
        megabytes: theatre.memory()?,
    };
    theatre.close().await?;
    Ok(start)
}

async fn up(programs: &Programs, lines: u64) -> anyhow::Result<Start> {
    let folder = tempfile::tempdir()?;
    let channels = names(1);
    let sim = quiet_sim(&channels, folder.path()).await?;
    let mut settings = configuration(&sim, &channels, folder.path())?;
    // `up` brings its own server; the section must be there.
    settings["nats"] = json!({"servers": ["nats://127.0.0.1:4222"]});
    let file = folder.path().join("robot.json");
    std::fs::write(&file, settings.to_string())?;
    let port = free_port()?;
    let started = Instant::now();
    let mut process = Command::new(&programs.kryten)
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .args([
            "up",
            "--nats-port",
            "0",
            "--web-port",
            &port.to_string(),
            "--config",
        ])
        .arg(&file)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.path().join("up.log"))?)
        .kill_on_drop(true)
        .spawn()?;
    while !answers(port).await {
        ensure!(
            process.try_wait()?.is_none() && started.elapsed() < PATIENCE,
            "kryten up gives no answer: {}",
            std::fs::read_to_string(folder.path().join("up.log"))?
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    ensure!(
        sim.progress().borrow().bots == 1,
        "it answers, but is not in the channel"
    );
    let channel = sim.channel(&channels[0]).context("no channel")?;
    for number in 0..lines {
        channel.say("alice", &format!("line {number}")).await?;
    }
    counted(port, lines).await?;
    let pid = process.id().context("kryten up has ended")?;
    let megabytes = memory(pid)?;
    stop(pid, &mut process).await?;
    sim.shutdown().await;
    Ok(Start { seconds, megabytes })
}

/// Ends with the nats-server that it has started.
async fn stop(pid: u32, process: &mut tokio::process::Child) -> anyhow::Result<()> {
    let killed = Command::new("kill")
        .args(["-TERM", &pid.to_string()])
        .status();
    ensure!(killed.await?.success(), "kryten up cannot be stopped");
    tokio::time::timeout(PATIENCE, process.wait()).await??;
    Ok(())
}

async fn answers(port: u16) -> bool {
    get(port, "/health")
        .await
        .is_ok_and(|answer| answer.contains(" 200 "))
}

/// Waits until userstats has counted the lines.
async fn counted(port: u16, lines: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let metrics = get(port, "/metrics").await?;
        let total: f64 = metrics
            .lines()
            .filter(|line| line.starts_with("userstats_total_messages"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        if total >= lines as f64 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("userstats has not counted {lines} lines")
}

async fn get(port: u16, path: &str) -> anyhow::Result<String> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
