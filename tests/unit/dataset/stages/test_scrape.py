"""What the source gives, untouched, with where it comes from."""

import json

from dgops.dataset.stages import scrape
from dgops.files import digest_file


def test_bytes_are_untouched_and_known_by_their_source(make, source):
    made = make(scrape)
    assert [item.file for item in made.items] == [f"images/p{number}.jpg" for number in range(4)]
    for item in made.items:
        assert digest_file(made.folder / item.file) == digest_file(source / item.source) == item.sha256
    known = json.loads((made.folder / "provenance.json").read_text())
    assert known["p0"] == {
        "source": "folder",
        "file": "p0.jpg",
        "right": "declared by the user",
        "sha256": digest_file(source / "p0.jpg"),
    }


def test_an_image_is_known_by_its_bytes_and_not_by_its_name(make, source):
    (source / "p0.jpg").rename(source / "p0.txt")
    (source / "fake.png").write_text("hello")
    made = make(scrape)
    assert made.by_name["p0"].file == "images/p0.jpg"
    assert made.by_name["fake"].reason == "not an image"
    assert "fake" not in json.loads((made.folder / "provenance.json").read_text())


def test_an_original_is_copied_and_not_linked(make, source):
    made = make(scrape)
    (made.folder / "images/p0.jpg").write_bytes(b"")
    assert (source / "p0.jpg").stat().st_size


def test_the_fingerprint_knows_every_file(options, source):
    before = scrape.STAGE.parameters(options())
    assert scrape.STAGE.parameters(options()) == before
    (source / "p0.jpg").write_bytes(b"other")
    assert scrape.STAGE.parameters(options()) != before
