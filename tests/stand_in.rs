//! A shell script in the place of `snn`, for `cargo xtask reproduce`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::Result;
use xtask::reproduce::Options;

/// Writes the files that `snn train` leaves, and answers `eval`, `bench` and `models`. A file `end-130` or `end-3` beside it
/// makes it end so, once, at the call whose number is in the file. With a file `wait` it trains until SIGTERM comes.
const STUB: &str = r#"#!/bin/sh
set -eu
threads=; if [ "$1" = --threads ]; then threads=$2; shift 2; fi
case $1 in
eval)
  top1=$(sed -n 's/.*"top1":\([0-9.]*\).*/\1/p' "$2/../result.json"); echo '{"top1":'$top1',"aurc_softmax":30.125}'
  while [ $# -gt 1 ]; do
    if [ "$1" = --predictions ]; then
      echo sample,label,label_name,predicted,predicted_name,correct,probability > "$2"; echo 0,1,a,1,a,1,0.5 >> "$2"
    fi
    shift
  done; exit;;
bench) echo '{"median_s": 3.2}'; exit;;
models) echo '{"models": ['
  for m in resnet19 sew_resnet19; do echo '{"architecture":"'$m'","t_steps":4,"input":[32,32],"macs_per_step":1e8},'; done
  echo '{"architecture":"vgg_snn","t_steps":10,"input":[48,48],"macs_per_step":1e8}]}'; exit;;
esac
here=$(dirname "$0"); recipe=$2; run=$6
mkdir -p "$run/checkpoint"; echo '{}' > "$run/run.json"
stop=; trap 'stop=yes; echo TERM >> "$run/told"' TERM
echo "$@" ${threads:+--threads $threads} >> "$here/calls"
for code in 130 3; do
  at=$(cat "$here/end-$code" 2> /dev/null || echo 99)
  if [ "$(wc -l < "$here/calls")" -ge "$at" ] && mv "$here/end-$code" "$run/ended" 2> /dev/null; then exit $code; fi
done
left=1000
while [ -e "$here/wait" ] && [ $left -gt 0 ]; do
  if [ -n "$stop" ]; then sleep 0.3; exit 143; fi
  left=$((left - 1)); sleep 0.02
done
name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$recipe"); seed=$(sed -n 's/^seed = //p' "$recipe")
line() {
  test='"top5":99,"aurc_softmax":30,"aurc_logit":31,"eaurc_softmax":1,"eaurc_logit":1,"per_step_top1":[],"cumulative_top1":[]'
  echo '{"epoch":'$1',"epochs":2,"step":8,"lr":0.1,"alpha":0,"train_loss":'$2',"train_top1":50,"test":{"n":10,"top1":'$3','$test'},"clock":{"seconds":1,"peak_rss_mb":100}}'
}
line 0 1.5 80.5 > "$run/metrics.jsonl"
line 1 0.5 84.5 >> "$run/metrics.jsonl"
cat > "$run/result.tmp" <<END
{"dataset":"$name","split":"$name/all","split_hash":"5eed","architecture":"stub","loss":"ce","t_steps":4,"seed":$seed,"engine":"stub",
 "precision":"f32","data_hash":"","recipe_hash":"","data":{},"n":10,"top1":$((seed + 40)).5,"top5":99.25,"aurc_softmax":30.125,"aurc_logit":31,
 "per_step_top1":[],"cumulative_top1":[],"best_top1":90,"best_epoch":1,"epochs":2,"seconds":1.5,"peak_rss_mb":100,"checkpoint":"checkpoint"}
END
mv "$run/result.tmp" "$run/result.json"
"#;

pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) options: Options,
}

/// A copy of what the command reads, in a folder of its own.
pub(crate) fn place() -> Result<Place> {
    place_with(STUB)
}

/// A place with another script.
pub(crate) fn place_with(stub: &str) -> Result<Place> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().to_path_buf();
    fs::create_dir_all(root.join("data/fashion-mnist"))?;
    for part in ["paper", "recipes", "studies", "figures"] {
        let (from, to) = (xtask::sh::root().join("data").join(part), root.join("data").join(part));
        fs::create_dir(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    let snn = root.join("snn");
    fs::write(&snn, stub)?;
    fs::set_permissions(&snn, fs::Permissions::from_mode(0o755))?;
    let options = Options { snn: Some(snn), ..Options::new(root) };
    Ok(Place { folder, options })
}

impl Place {
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_string).collect()
    }

    /// A run ends so at the call of that number.
    pub(crate) fn end(&self, code: u8, at: usize) -> Result<()> {
        Ok(fs::write(self.folder.path().join(format!("end-{code}")), at.to_string())?)
    }
}
