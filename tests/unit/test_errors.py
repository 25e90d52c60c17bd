"""Errors: each class has its exit code, and design's five codes are kept."""

from dgops import errors


def test_exit_codes():
    codes = {name: getattr(errors, name).exit_code for name in dir(errors) if name.endswith("Error")}
    assert codes == {
        "AccessError": 3,
        "BusyError": 1,
        "CapacityError": 1,
        "LossError": 1,
        "ConfigError": 2,
        "DgopsError": 1,
        "HostKeyError": 3,
        "ProviderError": 1,
        "RemoteError": 1,
        "UnreachableError": 3,
        "UsageError": 2,
    }


def test_a_config_error_lists_all():
    assert errors.ConfigError(["a", "b"]).message == "2 mistakes in the configuration:\n  a\n  b"
    assert errors.ConfigError(["a"]).message.startswith("1 mistake in")
