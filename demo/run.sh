#!/usr/bin/env bash
# The main job on an embedded sandbox pod: bare → ready → healthy → in by ssh → nothing left to change → photographs
# in, a training set out → an edit made on the pod comes home as a commit → a trainer is asked for, a LoRA is trained.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
total=9
number=0
begin=$SECONDS

step() {
    number=$((number + 1))
    printf '\n[%d/%d] %s\n      $ %s\n' "$number" "$total" "$1" "$2"
}

cat <<'TEXT'
This is the demo in fast-test mode: everything for real but the GPU. In production mode health fails a host without one.
TEXT

step "A sandbox pod comes up: a container that behaves as a rented pod does." "dgops sandbox up"
dgops sandbox up

step "Bare to ready." "dgops deploy --host pod"
dgops deploy --host pod

step "Is it so? One look, judged against what the deploy promised." "dgops health"
dgops health

step "In by plain ssh, as the user who works there." "ssh -F .dgops/ssh/config seanf@pod …"
ssh -F .dgops/ssh/config seanf@pod 'printf "%s on %s, %s\n" "$(id -un)" "$(hostname)" "$(dgops --version)"' </dev/null

step "Again: nothing may change." "dgops deploy --host pod"
again=$(dgops deploy --host pod --json)
python - "$again" <<'PYTHON'
import json
import sys

pod = json.loads(sys.argv[1])["hosts"]["pod"]
print(f"pod   {pod['outcome']}, {pod['changed']} changed, {pod['seconds']} s")
sys.exit(pod["outcome"] != "unchanged")
PYTHON

python demo/photographs.py .dgops/demo/photographs
step "Photographs in, a training set out: uploaded, cropped, looked at, captioned, published, brought home." \
    "dgops run dataset --host pod --slug demo --source .dgops/demo/photographs --trigger dgopsdemo …"
dgops run dataset --host pod --slug demo --source .dgops/demo/photographs --trigger dgopsdemo \
    --captioner template --crop subject
head -n 3 outputs/demo/07_summary/demo_captions.txt

bash demo/workshop.sh .dgops/demo
step "An edit made on the pod comes home as a commit." "ssh … 'edit packages/shared/src/clock.py'; dgops sync --host pod"
cd .dgops/demo
dgops sync --host pod --from local
ssh -F ../ssh/config root@pod "echo \"# looked at on the pod at $(date +%T)\" >> /app/packages/shared/src/clock.py" </dev/null
dgops sync --host pod
git --no-pager -C workshop show --stat --format='%n%h %s%n%b'
cd ../..

step "The pod is to have a trainer: two variables, and only the roles run that read them." "dgops deploy --host pod"
python demo/wishes.py inventories/sandbox/host_vars/pod.yml
tail -n +2 inventories/sandbox/host_vars/pod.yml
dgops deploy --host pod

step "The set becomes a LoRA: trained there as a job; its loss, samples and card come home." \
    "dgops run train tiny --dataset outputs/demo --host pod"
trained=$(dgops run train tiny --dataset outputs/demo --host pod --json)
model=models/$(python -c 'import json, sys; print(json.loads(sys.argv[1])["card"]["run"])' "$trained")

cat <<TEXT

Done in $((SECONDS - begin)) s.
  look    .dgops/contracts/pod.json      what is true of the pod now, check by check
          inventories/sandbox/hosts.yml  the inventory that \`--host pod\` reads
          outputs/demo/07_summary/demo_contact_sheet.png
          .dgops/demo/workshop           the repository with the pod's edit
          $model/tiny.safetensors  the LoRA
          $model/loss.png          its loss, step by step
          $model/samples/          what it makes of its trigger word
          $model/README.md         how it was made: the model card
  try     . .venv/bin/activate           then:
          dgops health --all             every check, not only those that fail
          dgops deploy --host pod --check --diff
          dgops hosts exec --host pod -- nvidia-smi
          dgops run --host pod -- df -h /workspace
          dgops jobs list
          ssh -F .dgops/ssh/config seanf@pod
          ansible-playbook -i inventories/sandbox playbooks/site.yml
  end     make demo-down
TEXT
