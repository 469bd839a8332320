//! A real nginx before a server, as an operator sets it up, or gets it wrong.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{PrivateCa, eventually};

/// How nginx hands requests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forwarding {
    /// As they came.
    Unchanged,
    /// With a path that it decoded: `proxy_pass` ends with a slash.
    Decoded,
    /// With another `Host`.
    OtherHost,
}

/// An nginx that speaks TLS on a port of its own.
pub(crate) struct Nginx {
    name: String,
    folder: PathBuf,
    port: u16,
    target: u16,
    files: (PathBuf, PathBuf),
    process: Option<Child>,
}

impl Nginx {
    /// Everything but the start: `name` is served with a certificate of this CA.
    pub(crate) fn prepare(name: &str, ca: &PrivateCa, scratch: &Path) -> Self {
        let folder = scratch.join("nginx");
        std::fs::create_dir_all(&folder).expect("a folder");
        // It is free again until nginx takes it.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        Self {
            name: name.to_owned(),
            files: ca.issue(name, &folder),
            folder,
            port,
            target: 0,
            process: None,
        }
    }

    /// Where it is reached.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The same as a URL.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address())
    }

    /// Starts it, or starts it anew, before a server on this port.
    pub(crate) async fn forward(&mut self, target: u16, how: Forwarding) {
        self.stop();
        self.target = target;
        let file = self.folder.join("nginx.conf");
        std::fs::write(&file, self.config(how)).expect("a file");
        let child = Command::new(binary())
            .arg("-p")
            .arg(&self.folder)
            .arg("-e")
            .arg(self.folder.join("error.log"))
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts: tests/run installs it");
        self.process = Some(child);
        let address = ("127.0.0.1", self.port);
        eventually("nginx listens", Duration::from_secs(20), async || {
            tokio::net::TcpStream::connect(address).await.is_ok()
        })
        .await;
    }

    fn config(&self, how: Forwarding) -> String {
        let folder = self.folder.display();
        let (certificate, key) = (self.files.0.display(), self.files.1.display());
        let (name, port, target) = (&self.name, self.port, self.target);
        let slash = if how == Forwarding::Decoded { "/" } else { "" };
        let host = if how == Forwarding::OtherHost {
            "up"
        } else {
            "$http_host"
        };
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
            .concat();
        format!(
            "daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temp}\
             upstream up {{ server 127.0.0.1:{target}; }}\n\
             server {{\nlisten 127.0.0.1:{port} ssl;\nserver_name {name};\n\
             ssl_certificate {certificate};\nssl_certificate_key {key};\n\
             location / {{\nproxy_pass http://up{slash};\nproxy_set_header Host {host};\n}}\n}}\n}}\n"
        )
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.join("error.log")).unwrap_or_default();
            eprintln!("nginx:\n{log}");
        }
    }
}

/// Where the program is: not always in the PATH of who is not root.
fn binary() -> PathBuf {
    let usual = PathBuf::from("/usr/sbin/nginx");
    if usual.exists() {
        usual
    } else {
        "nginx".into()
    }
}
