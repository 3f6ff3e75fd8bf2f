"""Releases: steps that are text and never change again.

``sql/releases/<version>.json`` lists what a release holds: the revision in which it ends, the
SHA-256 of each file of its steps, and the default of each setting that these files read. A released
file has no includes: what it once included is pasted in, so that ``schema/`` and ``schema_new/``
are free to change. A released step runs with the defaults of its release, whatever they are today.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setu.chain.repository import steps_to
from setu.chain.script import read_sql
from setu.chain.settings import Settings
from setu.chain.step import PARTS, Part, Step
from setu.errors import ChecksumError, ReleaseError, StepError

FOLDER = "sql/releases"
#: A folder of revisions made after the phases bears the version that will release them.
RELEASE_FOLDER = re.compile(r"r(\d+)_(\d+)(?:_(\d+))?")
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
_SETTING = re.compile(r"current_setting\(\s*'+setu\.([a-z_]+)'+")
#: What :mod:`setu.db.acting_role` finds out for each connection has no default.
_OF_THE_RUN = ("owner", "deployer", "attempt")
_CHANGED = (
    "Take the file back to its released text (`git log -- FILE` finds it), and put the change "
    'into a new revision: `setu revision "what changes"`'
)


@dataclass(frozen=True)
class Release:
    """One release.

    :param revision: the revision in which it ends.
    :param files: ``<phase>/<stem>/<part>`` → SHA-256 of the text.
    :param settings: defaults of the settings that its files read.
    """

    version: str
    revision: str
    files: Mapping[str, str]
    settings: Mapping[str, str]

    @property
    def steps(self) -> list[str]:
        """The names of its steps, ``<phase>/<stem>``, in order."""
        return list(dict.fromkeys(key.rpartition("/")[0] for key in self.files))


def read_releases(root: Path) -> list[Release]:
    """All releases, the oldest first. Raises :class:`ChecksumError` for a broken manifest."""
    releases = [_read(path) for path in (root / FOLDER).glob("*.json")]
    return sorted(releases, key=lambda release: _numbers(release.version))


def first_release_end(root: Path) -> str:
    """The revision in which v2.0 ends: that of the first release, or else the head."""
    releases = read_releases(root)
    return releases[0].revision if releases else steps_to(root)[-1].revision


def released_steps(root: Path) -> dict[str, Release]:
    """Each released step's name and its release."""
    return {name: release for release in read_releases(root) for name in release.steps}


def verify_released(root: Path) -> list[Release]:
    """Compare every released file with its checksum, and return the releases.

    Raises :class:`ChecksumError`, which names all that differ or are gone.
    """
    releases = read_releases(root)
    if not releases:
        return []
    problems: list[str] = []
    for release in releases:
        for key, expected in release.files.items():
            problems += _difference(root, release, key, expected)
    problems += _out_of_place(root, releases)
    if problems:
        raise ChecksumError("A released step has changed.", context=problems, hint=_CHANGED)
    return releases


def write_release(root: Path, version: str) -> Release:
    """Release all steps that are not released yet.

    Each of their files is written out with its includes pasted in, and the manifest is written.
    Raises :class:`ReleaseError` when the version cannot be taken or there is nothing to release,
    and :class:`ChecksumError` when an earlier release has changed.
    """
    releases = verify_released(root)
    names = {name for release in releases for name in release.steps}
    chain = steps_to(root)
    new = [step for step in chain if step.name not in names]
    _check_version(version, releases, new)
    texts = {f"{step.name}/{part}": _text(step, part) for step in new for part in PARTS}
    release = Release(
        version,
        chain[-1].revision,
        {key: _sha256(text) for key, text in texts.items()},
        _defaults(texts),
    )
    for key, text in texts.items():
        (root / "sql" / f"{key}.sql").write_text(text, encoding="utf-8", newline="\n")
    (root / FOLDER).mkdir(exist_ok=True)
    (root / FOLDER / f"{version}.json").write_text(_written(release), encoding="utf-8")
    return release


def _text(step: Step, part: Part) -> str:
    """A file as it is released; a comment that an include opens with does not join the header."""
    script = step.script(part)
    lines = script.text.split("\n")
    end = len(script.header.values)
    if end and lines[end].startswith("--") and not lines[end].startswith("-- @"):
        lines.insert(end, "")
    return "\n".join(lines)


def _defaults(texts: Mapping[str, str]) -> dict[str, str]:
    """The defaults of the settings that texts read. Raises :class:`ReleaseError`."""
    known = Settings().session_settings()
    used: dict[str, str] = {}
    for key, text in texts.items():
        for name in _SETTING.findall(text):
            if name in _OF_THE_RUN:
                continue
            if f"setu.{name}" not in known:
                raise ReleaseError(
                    f"sql/{key}.sql reads the setting setu.{name}, which does not exist.",
                    hint="Add it to setu/chain/settings.py, or correct the name",
                )
            used[name] = known[f"setu.{name}"]
    return dict(sorted(used.items()))


def _check_version(version: str, releases: Sequence[Release], new: Sequence[Step]) -> None:
    if not _VERSION.fullmatch(version):
        raise ReleaseError(
            f"{version!r} is not a version.", hint="Write it as 2.1, or 2.1.1 for a correction"
        )
    if releases and _numbers(version) <= _numbers(releases[-1].version):
        raise ReleaseError(
            f"Version {version} does not come after {releases[-1].version}.",
            hint="Take a higher version; a release is never made again",
        )
    if not new:
        raise ReleaseError(
            f"There is nothing to release: {releases[-1].version} ends in the head.",
            hint='Write a revision first: `setu revision "what changes"`',
        )
    for folder in dict.fromkeys(step.phase for step in new):
        match = RELEASE_FOLDER.fullmatch(folder)
        if match and folder != f"r{version.replace('.', '_')}":
            raise ReleaseError(
                f"Revisions of {folder} cannot be released as {version}.",
                hint=f"Release them as {'.'.join(filter(None, match.groups()))}, or rename their "
                "folders below alembic/versions/ and sql/",
            )


def _difference(root: Path, release: Release, key: str, expected: str) -> Iterator[str]:
    file = f"sql/{key}.sql"
    if not (root / file).is_file():
        yield f"{file}: released in {release.version}, now gone"
        return
    try:
        text = read_sql(root / file, file)
    except StepError as error:
        yield error.title
        return
    actual = _sha256(text)
    if actual != expected:
        yield f"{file}: released in {release.version} as {expected[:12]}…, now {actual[:12]}…"


def _out_of_place(root: Path, releases: Sequence[Release]) -> Iterator[str]:
    """Released steps must be the beginning of the chain, in their order."""
    chain = [step.name for step in steps_to(root)]
    released = [name for release in releases for name in release.steps]
    for place, (expected, actual) in enumerate(zip(released, chain, strict=False)):
        if expected != actual:
            yield f"step {place + 1} of the chain was released as {expected}, now it is {actual}"
            return
    for name in released[len(chain) :]:
        yield f"{name}: released, but no revision runs it"
    for release in releases:
        last = release.steps[-1] if release.files else ""
        if last.rpartition("/")[2].partition("_")[0] != release.revision:
            yield f"{FOLDER}/{release.version}.json: {release.revision} is not its last step"


def _read(path: Path) -> Release:
    name = f"{FOLDER}/{path.name}"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        release = Release(
            str(content["version"]),
            str(content["revision"]),
            {str(key): str(value) for key, value in content["files"].items()},
            {str(key): str(value) for key, value in content["settings"].items()},
        )
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ChecksumError(
            f"{name} cannot be read: {error!r}",
            hint="Take the manifest back from the repository's history",
        ) from error
    if content.get("sha256") != _own_sha256(release) or path.stem != release.version:
        raise ChecksumError(
            f"{name} has changed since {release.version} was released.",
            hint="Take the manifest back from the repository's history; a default that changes "
            "later needs no change here",
        )
    return release


def _written(release: Release) -> str:
    content = {**_content(release), "sha256": _own_sha256(release)}
    return json.dumps(content, indent=2) + "\n"


def _content(release: Release) -> dict[str, Any]:
    return {
        "version": release.version,
        "revision": release.revision,
        "settings": dict(release.settings),
        "files": dict(release.files),
    }


def _own_sha256(release: Release) -> str:
    return _sha256(json.dumps(_content(release), sort_keys=True))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".") if number.isdigit())
