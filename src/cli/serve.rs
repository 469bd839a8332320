//! `scaiwave serve`: starts the server, and stops it when the system says so.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::FutureExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::outcome::{Failure, Outcome, print};
use crate::app::{self, App};
use crate::clock::Clock;
use crate::config::{Loaded, TlsFiles};
use crate::entropy::Entropy;
use crate::federation::exchange::recover;
use crate::federation::rotation;
use crate::http::control;
use crate::http::server::{Bounds, serve};
use crate::http::tls::Certificate;
use crate::operator;
use crate::telemetry;

pub(super) async fn run(loaded: Loaded) -> Result<Outcome, Failure> {
    let Loaded { config, warnings } = loaded;
    telemetry::start(&config.log).map_err(|error| Failure::because("cannot log", &error))?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let tls = config.tls.clone().map(tls).transpose()?;
    let (listener, bound) = listen(config.bind).await?;
    let config = config.bound_to(bound);

    let (app, first_start) = app::open(config, Clock::system(), Entropy::system())
        .await
        .map_err(Failure::failed)?;
    if let Some(first) = first_start {
        tracing::warn!("{first}");
    }
    if let Some(address) = app.config().metrics_bind {
        let (listener, bound) = listen(address).await?;
        tracing::info!(address = %bound, "metrics are served");
        let stop = app.stop().clone();
        let metrics = serve(listener, None, app::metrics(&app), Bounds::default(), stop);
        app.tasks().spawn(metrics);
    }
    control(&app)?;
    cancel_on_signals(app.stop().clone())?;
    for tenant in app.tenants().all() {
        rotation::take_up(&app, &tenant)
            .await
            .map_err(Failure::failed)?;
    }
    recover::begin(&app).await.map_err(Failure::failed)?;
    app::start_tasks(&app).await.map_err(Failure::failed)?;

    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!(address = %bound, public_url = %app.config().public_url, "ready");
    print(&format!("listening on {scheme}://{bound}"));
    let stop = app.stop().clone();
    serve(listener, tls, app::router(&app), Bounds::default(), stop).await;
    app.shut_down().await;
    tracing::info!("stopped");
    Ok(Outcome::silent())
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: std::io::Error| {
        Failure::because(format_args!("cannot listen on {address}"), &error)
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Lets commands on this machine reach the server.
fn control(app: &App) -> Result<(), Failure> {
    let data_dir = &app.config().data_dir;
    let listener = control::bind(data_dir).map_err(|error| {
        let socket = data_dir.join(control::SOCKET);
        Failure::because(format_args!("cannot make {}", socket.display()), &error)
    })?;
    let shared = app.clone();
    let answer = Arc::new(move |command| {
        let app = shared.clone();
        async move { operator::perform_json(&app, command).await }.boxed()
    });
    let stop = app.stop().clone();
    app.tasks().spawn(control::serve(listener, answer, stop));
    Ok(())
}

fn tls(files: TlsFiles) -> Result<TlsAcceptor, Failure> {
    let failed = |error| Failure::because("cannot use the TLS files", &error);
    let certificate = Certificate::load(files).map_err(failed)?;
    let config = certificate.server_config().map_err(failed)?;
    tokio::spawn(async move { certificate.follow_changes().await });
    Ok(Arc::new(config).into())
}

/// The first SIGTERM or SIGINT cancels `stop`, a second one ends the process at once.
fn cancel_on_signals(stop: CancellationToken) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::because("cannot watch for signals", &error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_cancelled() {
                std::process::exit(1);
            }
            tracing::info!("stopping");
            stop.cancel();
        }
    });
    Ok(())
}
