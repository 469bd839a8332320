//! `scaiwave serve`: starts the server, and stops it when the system says so.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::outcome::{Failure, Outcome, print};
use crate::clock::Clock;
use crate::config::{Loaded, TlsFiles};
use crate::http::health::Health;
use crate::http::layers::Layers;
use crate::http::limits::Limits;
use crate::http::metrics::Metrics;
use crate::http::operations;
use crate::http::server::{Bounds, serve};
use crate::http::tls::Certificate;
use crate::telemetry;

pub(super) async fn run(loaded: Loaded) -> Result<Outcome, Failure> {
    let Loaded { config, warnings } = loaded;
    telemetry::start(&config.log).map_err(|error| Failure::because("cannot log", &error))?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let stop = stop_on_signals()?;
    let tls = config.tls.clone().map(tls).transpose()?;
    let (listener, bound) = listen(config.bind).await?;
    let config = config.bound_to(bound);

    let metrics = Arc::new(Metrics::new());
    let limits = Arc::new(Limits::new(config.rates.clone()));
    let layers = Layers::new(&config, limits, Clock::system(), Arc::clone(&metrics));
    let mut routes = operations::health(Health::default());
    match config.metrics_bind {
        None => routes = routes.merge(operations::metrics(metrics)),
        Some(address) => {
            let (listener, bound) = listen(address).await?;
            tracing::info!(address = %bound, "metrics are served");
            tokio::spawn(serve(
                listener,
                None,
                operations::metrics(metrics),
                Bounds::default(),
                stop.clone(),
            ));
        }
    }
    let service = layers.around(routes, axum::Router::new());

    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!(address = %bound, public_url = %config.public_url, "ready");
    print(&format!("listening on {scheme}://{bound}"));
    serve(listener, tls, service, Bounds::default(), stop).await;
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

fn tls(files: TlsFiles) -> Result<TlsAcceptor, Failure> {
    let failed = |error| Failure::because("cannot use the TLS files", &error);
    let certificate = Certificate::load(files).map_err(failed)?;
    let config = certificate.server_config().map_err(failed)?;
    tokio::spawn(async move { certificate.follow_changes().await });
    Ok(Arc::new(config).into())
}

/// A token that the first SIGTERM or SIGINT cancels. A second one ends the process at once.
fn stop_on_signals() -> Result<CancellationToken, Failure> {
    let failed = |error: std::io::Error| Failure::because("cannot watch for signals", &error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if told.is_cancelled() {
                std::process::exit(1);
            }
            tracing::info!("stopping");
            told.cancel();
        }
    });
    Ok(stop)
}
