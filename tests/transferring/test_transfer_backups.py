"""Backups of runs: what is read back is what was written, or the run is refused."""

import keras
import numpy as np
import pytest

from wszoo.training import Resume
from wszoo.transferring.training.backup import Backup, Record


def net(seed=0):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.compile("sgd", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.fixture
def backup(tmp_path):
    record = Record()
    for loss in (1.0, 0.5):
        record.add({"phase": "all", "epoch": 0, "val_loss": loss})
    made = Backup(tmp_path / "run")
    made.write(net(), record, [np.ones(3)])
    return made


def test_a_sound_backup_comes_back(backup):
    model = net(seed=1)
    record = backup.record()
    (best,) = backup.read(model, record)
    np.testing.assert_array_equal(best, np.ones(3))
    np.testing.assert_array_equal(model.get_weights()[0], net().get_weights()[0])


def test_a_damaged_backup_is_refused_with_its_name(backup):
    record = backup.record()
    flipped(backup.folder / "best_1.npz")
    with pytest.raises(ValueError, match=r"best_1\.npz.*checksum.*start anew"):
        backup.read(net(), record)
    (backup.folder / "best_1.npz").unlink()
    with pytest.raises(ValueError, match=r"best_1\.npz"):
        backup.read(net(), record)
    flipped(backup.path)
    for read in (backup.record, lambda: backup.read(net(), record)):
        with pytest.raises(ValueError, match=r"state\.weights\.h5.*checksum.*start anew"):
            read()


def test_a_backup_without_a_checksum_is_refused(backup):
    data = backup.path.read_bytes()
    backup.path.write_bytes(data[: data.rindex(b"\nwszoo sha256")])
    with pytest.raises(ValueError, match=r"does not end in a checksum.*start anew"):
        backup.record()


def test_a_damaged_backup_of_a_pretraining_is_refused(tmp_path):
    def resume():
        made = Resume(tmp_path, delete_checkpoint=False)
        made.set_model(net(seed=1))
        made.set_params({"steps": 1})
        return made

    Resume._save_model(resume())
    resume().on_train_begin()
    flipped(next(tmp_path.glob("*.h5")))
    with pytest.raises(ValueError, match=r"\.h5.*checksum.*start anew"):
        resume().on_train_begin()
