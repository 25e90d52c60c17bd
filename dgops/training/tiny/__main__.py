"""python -m tiny CONFIG.json: trains a LoRA on a small UNet, with the lines, files and states of kohya's trainers.

What happens in a step depends on the seed and the step's number alone, so a training that was killed and goes on
from a state ends as one that was left alone.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

# Run as a package of its own and not as a part of dgops.
import torch
from tiny import network, pictures, record  # type: ignore[import-not-found,unused-ignore]

TIMES = 1000


class Training:
    """One training: the model, its optimizer and where it stands."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.output, self.name = Path(config["output"]), config["name"]
        self.device = _device(config["device"], config["fast_test"])
        self.pictures, captions = pictures.load(Path(config["dataset"]), config["resolution"])
        self.text = network.words(captions)
        unet = network.base(config["resolution"])
        self.model = network.with_lora(unet, config["rank"], config["alpha"], config["seed"]).to(self.device)
        learning = [one for one in self.model.parameters() if one.requires_grad]
        self.optimizer = torch.optim.AdamW(learning, lr=config["learning_rate"], weight_decay=0.01)
        steps = torch.linspace(0, math.pi / 2, TIMES + 2)[1:-1]
        self.schedule = torch.cos(steps) ** 2
        self.step = 0
        self.losses: list[float] = []
        self.batches = math.ceil(len(self.pictures) / config["batch_size"])

    def resume(self, folder: Path) -> None:
        """Go on from a state, and write the LoRA file of its step where a kill came before it."""
        weights, optimizer, facts = record.read_state(folder)
        network.take(self.model, weights)
        self.optimizer.load_state_dict(optimizer)
        self.step, self.losses = facts["current_step"], facts["losses"]
        if self.step < self.config["steps"]:
            record.write_lora(self.output / f"{self.name}-step{self.step:08d}.safetensors", weights, self.metadata())
        print(f"resume training from local state: {folder}")

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the pictures and captions of this step: every epoch in an order of its own."""
        size = self.config["batch_size"]
        epoch, at = divmod(self.step, self.batches)
        order = torch.randperm(len(self.pictures), generator=_random(self.config["seed"], epoch, 1))
        chosen = order[at * size : (at + 1) * size]
        return self.pictures[chosen].to(self.device), self.text[chosen].to(self.device)

    def learn(self) -> float:
        """Take one step and return its loss."""
        clean, text = self.batch()
        random = _random(self.config["seed"], self.step, 2)
        noise = torch.randn(clean.shape, generator=random).to(self.device)
        times = torch.randint(0, TIMES, (len(clean),), generator=random)
        signal = self.schedule[times].view(-1, 1, 1, 1).to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        with torch.autocast(self.device, torch.bfloat16, enabled=self.config["precision"] == "bf16"):
            guess = self.model(signal.sqrt() * clean + (1 - signal).sqrt() * noise, times.to(self.device), text).sample
        loss = torch.nn.functional.mse_loss(guess.float(), clean)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        # An average over one epoch, as kohya's trainers show it.
        self.losses = [*self.losses, loss.item()][-self.batches :]
        return sum(self.losses) / len(self.losses)

    def rate(self) -> float:
        """Return the learning rate of this step."""
        whole: float = self.config["learning_rate"]
        if self.config["scheduler"] == "cosine":
            return whole * (1 + math.cos(math.pi * self.step / self.config["steps"])) / 2
        return whole

    def save(self) -> None:
        """Write the state first: what it holds can be written again, and a LoRA file alone is no way on."""
        weights = network.weights(self.model, self.config["alpha"])
        over = self.step == self.config["steps"]
        facts = {"current_epoch": self.step // self.batches, "current_step": self.step, "losses": self.losses}
        state = self.output / f"{self.name}-step{self.step:08d}-state"
        print(f"saving state at step {self.step}", flush=True)
        record.write_state(state, weights, self.optimizer, facts)
        path = self.output / (f"{self.name}.safetensors" if over else f"{self.name}-step{self.step:08d}.safetensors")
        print(f"\nsaving checkpoint: {path}", flush=True)
        record.write_lora(path, weights, self.metadata())
        record.drop_old_states(self.output, self.name)

    def sample(self) -> None:
        """Make a picture for each prompt."""
        folder = self.output / "sample"
        folder.mkdir(exist_ok=True)
        side, seed = self.config["resolution"], self.config["sample_seed"]
        schedule = self.schedule.to(self.device)
        for number, prompt in enumerate(self.config["prompts"]):
            path = folder / f"{self.name}_{self.step:06d}_{number:02d}_{seed}.png"
            image = pictures.sample(self.model, schedule, network.words([prompt]), side, seed)
            part = path.with_name(f".{path.name}.part")
            image.save(part, "PNG")
            part.rename(path)

    def metadata(self) -> dict[str, str]:
        """Return what kohya's trainers write into a file's head."""
        said = self.config
        return {
            "ss_output_name": self.name,
            "ss_base_model_version": f"tiny_random_unet_{network.BASE_SEED}",
            "ss_network_module": "networks.lora",
            "ss_network_dim": str(said["rank"]),
            "ss_network_alpha": str(said["alpha"]),
            "ss_learning_rate": str(said["learning_rate"]),
            "ss_lr_scheduler": said["scheduler"],
            "ss_optimizer": "torch.optim.adamw.AdamW",
            "ss_mixed_precision": "bf16" if said["precision"] == "bf16" else "no",
            "ss_seed": str(said["seed"]),
            "ss_resolution": f"({said['resolution']}, {said['resolution']})",
            "ss_batch_size_per_device": str(said["batch_size"]),
            "ss_num_train_images": str(len(self.pictures)),
            "ss_num_batches_per_epoch": str(self.batches),
            "ss_num_epochs": str(math.ceil(said["steps"] / self.batches)),
            "ss_max_train_steps": str(said["steps"]),
            "ss_steps": str(self.step),
            "ss_epoch": str(self.step // self.batches),
        }

    def run(self) -> None:
        """Train to the end."""
        from tqdm import tqdm

        total = self.config["steps"]
        print("running training / 学習開始")
        print(f"  num train items / 学習画像、動画数: {len(self.pictures)}")
        print(f"  num batches per epoch / 1epochのバッチ数: {self.batches}")
        print(f"  num epochs / epoch数: {math.ceil(total / self.batches)}")
        print(f"  total optimization steps / 学習ステップ数: {total}", flush=True)
        shown = tqdm(total=total, initial=self.step, desc="steps", smoothing=0, mininterval=0, miniters=1)
        while self.step < total:
            if self.step % self.batches == 0:
                print(f"\nepoch {self.step // self.batches + 1}/{math.ceil(total / self.batches)}", flush=True)
            rate, mean = self.rate(), self.learn()
            shown.set_postfix(avr_loss=mean, lr=f"{rate:.3g}", refresh=False)
            shown.update(1)
            every, often = self.config["save_every"], self.config["sample_every"]
            if not math.isnan(mean) and (self.step == total or (every and self.step % every == 0)):
                self.save()
            if self.step == total or (often and self.step % often == 0):
                self.sample()
        shown.close()
        print("model saved.", flush=True)


def _random(seed: int, number: int, purpose: int) -> torch.Generator:
    return torch.Generator().manual_seed(((seed * 1_000_003 + number) * 8 + purpose) % (1 << 62))


def _device(wanted: str, fast_test: bool) -> str:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise SystemExit("FATAL: CUDA is not available, and training runs on a GPU")
    if wanted == "cpu" and not fast_test:
        raise SystemExit("FATAL: training on a CPU was asked for, which is for fast-test mode only")
    return wanted


def main() -> None:
    """Read the configuration and train."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(config["threads"])
    training = Training(config)
    if config["resume"]:
        training.resume(training.output / config["resume"])
    training.run()


main()
