"""A data set that is asked for: fetched once, refused at once where there is no network."""

import time

import pytest

from wszoo.data.errors import MissingDataError
from wszoo.data.fetching import fetched


def test_a_set_that_comes_with_a_package_needs_no_folder():
    source, place = fetched("digits")
    assert source.name == "digits" and place is None


def test_a_set_that_is_here_is_not_fetched_again(tfds_dir, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody listens
    source, place = fetched("fashion_mnist", data_dir=tfds_dir)
    assert source.num_classes == 10 and place == tfds_dir


def test_without_a_network_it_is_refused_at_once(tmp_path, monkeypatch):
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")
    begun = time.monotonic()
    with pytest.raises(MissingDataError, match=r"no connection to www.cs.toronto.edu") as error:
        fetched("cifar10", data_dir=tmp_path / "sets")
    assert time.monotonic() - begun < 30
    assert "cifar-10-binary.tar.gz" in str(error.value)
    assert "download" not in str(error.value).replace("downloads", "")


def test_what_is_no_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"by its name; .* is a path"):
        fetched(str(tmp_path))
    with pytest.raises(ValueError, match=r"unknown data set 'cifra10'.*cifar10"):
        fetched("cifra10")
