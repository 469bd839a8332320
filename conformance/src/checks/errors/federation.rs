//! Codes of federation that a stranger can cause. They need no played peer: nothing is fetched from, or stored about, a server
//! that fails an earlier check.

use crate::check::{Check, Stop, Verdict, errors};
use crate::client::answer::Answer;
use crate::client::call::Call;
use crate::trial::Trial;

const SECTION: &str = "federation 4, checks in their order";
/// A read of a room that need not exist: every earlier check answers first.
const HEADS: &str = "/_scaiwave/federation/v1/rooms/00000000-0000-8000-8000-000000000000/heads";

pub(super) fn checks() -> Vec<Check> {
    vec![
        errors(
            SECTION,
            "SW_FED_PEER_UNKNOWN: 403 for a server that the policy does not allow",
            peer_unknown,
        ),
        errors(
            SECTION,
            "SW_FED_SIGNATURE_MISMATCH: 401 for a request without a readable signature",
            signature_mismatch,
        ),
        errors(
            SECTION,
            "SW_FED_PROTOCOL_VERSION: 400 for a version that the server does not speak",
            protocol_version,
        ),
    ]
}

fn call(t: &Trial, version: &str) -> Call {
    t.stranger()
        .call("GET", HEADS)
        .header("X-ScaiWave-Protocol", version)
}

async fn from_stranger(call: Call) -> Result<Answer, Stop> {
    let created = crate::clock::now_ms() / 1000;
    let input = format!(
        "sig1=(\"@method\" \"@authority\" \"@path\" \"@query\" \"x-scaiwave-protocol\");created={created}\
         ;keyid=\"stranger.invalid#ed25519:0011223344556677\";alg=\"ed25519\";tag=\"scaiwave-federation-v1\""
    );
    // 64 bytes, as a signature has, but no signature.
    let signature = format!("sig1=:{}==:", "A".repeat(86));
    call.header("Signature-Input", input)
        .header("Signature", signature)
        .send()
        .await
}

async fn peer_unknown(t: Trial) -> Verdict {
    let answer = from_stranger(call(&t, "v1")).await?;
    answer.refused("SW_FED_PEER_UNKNOWN").map(drop)
}

async fn signature_mismatch(t: Trial) -> Verdict {
    let answer = call(&t, "v1").send().await?;
    answer.refused("SW_FED_SIGNATURE_MISMATCH").map(drop)
}

async fn protocol_version(t: Trial) -> Verdict {
    let answer = from_stranger(call(&t, "v999")).await?;
    answer.refused("SW_FED_PROTOCOL_VERSION").map(drop)
}
