"""GPUs by what drivers and people call them."""

import pytest

from dgops.environments import gpus
from dgops.errors import UsageError


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("NVIDIA GeForce RTX 3090 Ti", "RTX 3090 Ti"),
        ("NVIDIA GeForce RTX 3080 Laptop GPU", "RTX 3080"),
        ("rtx4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090 D", "RTX 4090"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "RTX 4070 Ti SUPER"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100"),
        ("NVIDIA H100 NVL", "H100"),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "H100"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A100 80GB PCIe", "A100"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA A40", "A40"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40", "L40"),
        ("NVIDIA L40S", "L40S"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("Tesla T4", "T4"),
        ("NVIDIA RTX A6000", "RTX A6000"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX PRO 6000 Blackwell"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTX PRO 6000 Blackwell"),
        ("NVIDIA B200", "B200"),
        ("NVIDIA GeForce GTX 1080 Ti", "GTX 1080 Ti"),
    ],
)
def test_a_drivers_name(said, name):
    assert gpus.find(said).name == name


@pytest.mark.parametrize(
    "said", ["NVIDIA T400", "NVIDIA RTX A400", "RTX 9999", "A1000", "", "x" * 5000, "RTX 3090 TiX"]
)
def test_another_gpu_is_not_taken_for_a_known_one(said):
    with pytest.raises(UsageError, match="no GPU is known as"):
        gpus.find(said)


def test_near_matches():
    with pytest.raises(UsageError) as caught:
        gpus.find("RTX 5099")
    assert "RTX 5090" in caught.value.hint


# Compute capabilities as NVIDIA lists them; typed here a second time, so that a slip in the table shows.
@pytest.mark.parametrize(
    ("name", "capability", "driver"),
    [
        ("GTX 1080", (6, 1), 0),
        ("V100", (7, 0), 0),
        ("T4", (7, 5), 0),
        ("A100", (8, 0), 0),
        ("RTX 3080", (8, 6), 0),
        ("A40", (8, 6), 0),
        ("RTX A6000", (8, 6), 0),
        ("RTX 4080", (8, 9), 0),
        ("L4", (8, 9), 0),
        ("L40S", (8, 9), 0),
        ("H100", (9, 0), 0),
        ("H200", (9, 0), 0),
        ("B200", (10, 0), 570),
        ("RTX 5080", (12, 0), 570),
        ("RTX 5090", (12, 0), 570),
        ("RTX PRO 6000 Blackwell", (12, 0), 570),
    ],
)
def test_capabilities(name, capability, driver):
    found = gpus.load()[name]
    assert (found.capability, found.driver, bool(found.driver_source)) == (capability, driver, bool(driver))
