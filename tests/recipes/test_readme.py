"""What the README tells a newcomer to run, run."""

import subprocess
import sys
from pathlib import Path

import pytest
from programs import command

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.slow
def test_the_exported_file_restores_a_noisy_image(tmp_path):
    script = README.read_text().split("<!-- denoise-script:begin -->\n```python\n")[1]
    (tmp_path / "denoise.py").write_text(script.split("```")[0])
    code, _, err = command(tmp_path, "export", "tied_conv_ae", "--weights", "fashion_mnist", "out/")
    assert code == 0, err
    done = subprocess.run(
        [sys.executable, "denoise.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    errors = [float(line.split()[-1]) for line in done.stdout.splitlines() if "error" in line]
    noisy, restored = errors
    assert restored < 0.25 * noisy
