"""Clones of other people's repositories, each at the commit that was asked for; what was edited in them stays."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any, Callable, Dict, List

from dgops.agent import live_git, owner, process
from dgops.agent.clone_look import (
    COMMIT,
    PIN,
    GitError,
    changed_files,
    edits,
    git,
    has,
    own_commits,
    run,
    short,
)
from dgops.agent.owner import Refusal

Request = Dict[str, Any]
Answer = Dict[str, Any]
# Beside a clone while it is made, and in it while it goes from one commit to another: a killed run is known by them.
MAKING, MOVING = ".dgops-making", "dgops-moving"
VENV = ".venv"
READ_ONLY = "read-only"
FETCH_SECONDS = 1800.0
CHECKOUT_SECONDS = 600.0
MOST_NAMED = 3


class Stop(Exception):  # noqa: N818
    """What keeps a clone from being as it was asked for, in words."""


def answer(request: Request) -> Answer:
    """Answer one request as the clones' `user`; `op` is settle, look or upstream."""
    try:
        user = owner.entry(request["user"])
        process.become(user.pw_uid, user.pw_gid)
        return OPERATIONS[request["op"]](request)
    except Refusal as refusal:
        return refusal.answer


def settle(request: Request) -> Answer:
    """Make every clone what was asked for, and say in words what was changed; all that went wrong ends it at last."""
    changed: List[str] = []
    problems: List[str] = []
    for wish in request["clones"]:
        try:
            changed += _settle_one(wish["path"], wish["remote"], wish["commit"], request["check"])
        except (GitError, Stop, OSError) as error:
            problems.append("{}: {}".format(wish["path"], error))
    if problems:
        sys.exit("\n".join("error: " + one for one in problems))
    return {"changed": changed}


def look(request: Request) -> Answer:
    """Return of each clone where it stands, and what was edited in it."""
    return {"clones": [_looked_at(wish["path"]) for wish in request["clones"]]}


def _looked_at(path: str) -> Answer:
    try:
        seen = edits({"path": path})
        if seen["exists"]:
            seen["commit"] = git(path, "rev-parse", "HEAD").strip() if has(path, "HEAD") else ""
            seen["named"] = run(path, "describe", "--tags", "--always", "HEAD", timeout=60)[1].strip()
    except (GitError, OSError) as error:
        return {"error": str(error)}
    return seen


def upstream(request: Request) -> Answer:
    """Ask each clone's remote what it has now; objects may come over, and no ref or file changes."""
    return {"clones": [_asked(wish["path"], wish["commit"]) for wish in request["clones"]]}


def _asked(path: str, commit: str) -> Answer:
    try:
        lines = git(path, "ls-remote", "--symref", "origin", timeout=120).splitlines()
        git(path, "fetch", "--dry-run", "--quiet", "origin", timeout=FETCH_SECONDS)
        return _upstream_of(path, commit, lines)
    except (GitError, OSError) as error:
        return {"error": str(error)}


def _upstream_of(path: str, commit: str, lines: List[str]) -> Answer:
    pairs = (line.partition("\t") for line in lines if not line.startswith("ref: "))
    refs = {name: at for at, _, name in pairs}
    branch = next((line[5:].partition("\t")[0] for line in lines if line.startswith("ref: ")), "HEAD")
    tip = refs.get("HEAD") or refs.get(branch, "")
    tags = {
        name[len("refs/tags/") :].replace("^{}", ""): at for name, at in refs.items() if name.startswith("refs/tags/")
    }
    # The line of an annotated tag's commit stands behind the tag's own.
    found: Answer = {"branch": branch.replace("refs/heads/", "", 1), "tip": tip, "tags": tags}
    if has(path, tip) and has(path, commit):
        found["newer"] = int(git(path, "rev-list", "--count", "{}..{}".format(commit, tip)))
    heads = [at for name, at in refs.items() if name.startswith(("refs/heads/", "refs/tags/")) and has(path, at)]
    if has(path, commit):
        found["gone"] = bool(int(git(path, "rev-list", "--count", commit, "--not", *heads)))
    return found


def _settle_one(path: str, remote: str, commit: str, check: bool) -> List[str]:
    if not COMMIT.match(commit):
        raise Stop("{} is no whole commit (40 hexadecimal digits)".format(commit))
    if not os.path.isdir(os.path.join(path, ".git")):
        return _make(path, remote, commit, check)
    changed = _name_remote(path, remote, check)
    _finish(path, check)
    before = git(path, "rev-parse", "HEAD").strip() if has(path, "HEAD") else ""
    if before == commit:
        if not check:
            git(path, "update-ref", PIN, commit)
        return changed
    _require_no_edits(path, before, commit)
    if not check:
        _bring(path, commit)
        _move(path, commit)
    return [*changed, "{} went from {} to {}".format(path, short(before), short(commit))]


def _make(path: str, remote: str, commit: str, check: bool) -> List[str]:
    """Make a clone beside its place and put it there whole; a venv that lies there already moves in."""
    making = path.rstrip("/") + MAKING
    _clear(making, path, check)
    if os.path.lexists(path) and (os.path.islink(path) or set(os.listdir(path)) - {VENV}):
        raise Stop("something is there that is no clone of git: move it away")
    if not check:
        os.makedirs(making)
        git(making, "-c", "init.defaultBranch=main", "init", "--quiet")
        _name_remote(making, remote, check)
        _bring(making, commit)
        _check_out(making, commit)
        if os.path.isdir(path):
            if os.path.lexists(os.path.join(path, VENV)):
                os.rename(os.path.join(path, VENV), os.path.join(making, VENV))
            os.rmdir(path)
        os.rename(making, path)
    return ["{} was cloned at {}".format(path, short(commit))]


def _clear(making: str, path: str, check: bool) -> None:
    """Take away what a killed run left beside a clone's place, but for the venv that it was about to move."""
    if check or not os.path.lexists(making):
        return
    kept, place = os.path.join(making, VENV), os.path.join(path, VENV)
    if os.path.lexists(kept) and not os.path.lexists(place):
        os.makedirs(path, exist_ok=True)
        os.rename(kept, place)
    shutil.rmtree(making)


def _name_remote(path: str, remote: str, check: bool) -> List[str]:
    """Let `origin` be the remote, for reading only; no wider rule of the user's configuration leads it elsewhere."""
    wanted = {
        "remote.origin.url": remote,
        "remote.origin.pushurl": READ_ONLY,
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        # The longest rule wins: this one names the whole address.
        "url.{}.insteadOf".format(remote): remote,
    }
    changed = []
    for key, value in wanted.items():
        found = run(path, "config", "--local", "--get-all", key, timeout=60)[1].splitlines()
        if found != [value]:
            changed.append("{} = {}".format(key, value))
            if not check:
                git(path, "config", "--local", "--replace-all", key, value)
    return changed


def _finish(path: str, check: bool) -> None:
    """Bring a move to its end that was killed: half of its files look like edits. What is there is kept as a commit."""
    mark = os.path.join(path, ".git", MOVING)
    if check or not os.path.exists(mark):
        return
    locks = live_git.git_lock({"roots": [path]})["locks"]
    if any(one["alive"] for one in locks):
        raise Stop("a git is at work in it: deploy again when it is done")
    for one in locks:
        os.unlink(one["path"])
    with open(mark) as stream:
        commit = stream.read().strip()
    aside = git(path, "-c", "user.name=dgops", "-c", "user.email=dgops@localhost", "stash", "create").strip()
    if aside:
        git(path, "update-ref", "refs/dgops/aside", aside)
    if COMMIT.match(commit) and has(path, commit):
        _check_out(path, commit, "--force")
    os.unlink(mark)


def _require_no_edits(path: str, before: str, commit: str) -> None:
    changed = changed_files(path)
    stays = "so it stays at {} and does not go to {}".format(short(before), short(commit))
    if changed:
        named = ", ".join(changed[:MOST_NAMED])
        more = " and {} more".format(len(changed) - MOST_NAMED) if len(changed) > MOST_NAMED else ""
        raise Stop(
            "{}{} is edited there, {}: take the edits home or put them aside (git stash)".format(named, more, stays)
        )
    count = own_commits(path)
    if count:
        raise Stop("it holds {} commit{} of its own, {}".format(count, "" if count == 1 else "s", stays))


def _bring(path: str, commit: str) -> None:
    """Fetch what the remote has, where the commit is not here yet."""
    if has(path, commit):
        return
    git(path, "fetch", "--quiet", "origin", timeout=FETCH_SECONDS)
    # A commit that no branch holds any more: forges give it out as long as they keep it.
    if not has(path, commit) and run(path, "fetch", "--quiet", "origin", commit, timeout=FETCH_SECONDS)[0]:
        raise Stop(
            "its remote has no commit {} (any more): its history was rewritten, or the pin is wrong".format(
                short(commit)
            )
        )


def _move(path: str, commit: str) -> None:
    mark = os.path.join(path, ".git", MOVING)
    with open(mark, "w") as stream:
        stream.write(commit)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        _check_out(path, commit)
    except GitError:
        # It refused before it began: such as where a file that git does not know stands in the way.
        if not changed_files(path):
            os.unlink(mark)
        raise
    os.unlink(mark)


def _check_out(path: str, commit: str, *how: str) -> None:
    git(path, "checkout", "--quiet", "--detach", *how, commit, timeout=CHECKOUT_SECONDS)
    git(path, "update-ref", PIN, commit)
    if os.path.exists(os.path.join(path, ".gitmodules")):
        git(path, "submodule", "--quiet", "update", "--init", "--recursive", timeout=FETCH_SECONDS)


OPERATIONS: Dict[str, Callable[[Request], Answer]] = {"settle": settle, "look": look, "upstream": upstream}
