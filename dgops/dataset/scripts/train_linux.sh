#!/usr/bin/env bash
# Trains a Wan 2.1 LoRA on the set @SLUG@ (@COUNT@ images) with musubi-tuner, in whose folder this stands beside 256/.
#
#   WAN_DIT  the transformer (wan2.1_t2v_14B_bf16.safetensors)
#   WAN_VAE  the VAE (wan_2.1_vae.safetensors)
#   WAN_T5   the text encoder (models_t5_umt5-xxl-enc-bf16.pth)
#
# WAN_TASK (t2v-14B), WAN_EPOCHS (16), WAN_RANK (32), WAN_OUTPUT (output/@SLUG@) and WAN_PYTHON may be set;
# options of this script go to the trainer, after its own. Nothing asks for anything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec </dev/null

wrong=0
complain() {
    printf 'error: %s\n' "$*" >&2
    wrong=1
}
require_model() {
    local path=${!1:-}
    if [ -z "$path" ]; then
        complain "$1 is not set: the path of $2"
    elif [ ! -f "$path" ]; then
        complain "$1: no such file: $path"
    fi
}

python=${WAN_PYTHON:-python3}
if [ -z "${WAN_PYTHON:-}" ] && [ -x .venv/bin/python ]; then
    python=.venv/bin/python
fi

require_model WAN_DIT "the Wan 2.1 transformer"
require_model WAN_VAE "the Wan 2.1 VAE"
require_model WAN_T5 "the umt5-xxl text encoder"
[ -f src/musubi_tuner/wan_train_network.py ] || complain "$PWD is not musubi-tuner's folder"
[ -f config_linux.toml ] || complain "config_linux.toml is not beside this script"
[ -d 256 ] || complain "256/ is not beside this script"
[ "$wrong" -eq 0 ] || exit 2
if ! "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    complain "$python sees no GPU: training on a CPU would take weeks"
    exit 1
fi

echo "1 of 3: latents"
"$python" src/musubi_tuner/wan_cache_latents.py \
    --dataset_config config_linux.toml --vae "$WAN_VAE" --skip_existing

echo "2 of 3: captions"
"$python" src/musubi_tuner/wan_cache_text_encoder_outputs.py \
    --dataset_config config_linux.toml --t5 "$WAN_T5" --batch_size 16 --skip_existing

# The trainer would go on in silence with whatever pairs it finds.
"$python" -c '
import glob, sys
latents, captions = (len(glob.glob(f"cache_@SLUG@/*_wan{end}.safetensors")) for end in ("", "_te"))
print(f"{latents} latents and {captions} captions of @COUNT@")
sys.exit(not latents == captions == @COUNT@)
' || { complain "cache_@SLUG@ is not whole; remove it and start again"; exit 1; }

echo "3 of 3: training"
exec "$python" -m accelerate.commands.launch \
    --num_processes 1 --num_machines 1 --dynamo_backend no \
    --num_cpu_threads_per_process 1 --mixed_precision bf16 \
    src/musubi_tuner/wan_train_network.py \
    --task "${WAN_TASK:-t2v-14B}" --dit "$WAN_DIT" --dataset_config config_linux.toml \
    --sdpa --mixed_precision bf16 --fp8_base \
    --optimizer_type adamw8bit --learning_rate 2e-4 --gradient_checkpointing \
    --max_data_loader_n_workers 2 --persistent_data_loader_workers \
    --network_module networks.lora_wan --network_dim "${WAN_RANK:-32}" \
    --timestep_sampling shift --discrete_flow_shift 3.0 \
    --max_train_epochs "${WAN_EPOCHS:-16}" --save_every_n_epochs 1 --seed 42 \
    --output_dir "${WAN_OUTPUT:-output/@SLUG@}" --output_name "@SLUG@" "$@"
