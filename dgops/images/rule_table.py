"""Every rule by name, the grave ones first."""

from __future__ import annotations

from dgops.images import rules_settings as configured
from dgops.images import rules_system as system
from dgops.images.rules import ERROR, WARNING, Rule

RULES = (
    Rule("names stay inside", ERROR, system.names_stay_inside),
    Rule("it is a Linux", ERROR, system.is_a_linux),
    Rule("the shell starts", ERROR, system.shell_can_start),
    Rule("the release is named", ERROR, system.release_is_named),
    Rule("root has uid 0", ERROR, system.root_is_uid_0),
    Rule("shadow is closed", ERROR, system.shadow_is_closed),
    Rule("the distribution is described", ERROR, configured.distribution_is_described),
    Rule("the configuration is root's", ERROR, configured.configuration_is_roots),
    Rule("the configuration is known", ERROR, configured.configuration_is_known),
    Rule("no Windows line ends", ERROR, configured.has_no_windows_line_ends),
    Rule("the default name is allowed", ERROR, configured.default_name_is_allowed),
    Rule("the first program runs", ERROR, configured.oobe_can_run),
    Rule("the icon is one", ERROR, configured.icon_is_one),
    Rule("the terminal's profile is JSON", ERROR, configured.terminal_profile_is_json),
    Rule("systemd starts", ERROR, configured.systemd_can_start),
    Rule("no GPU libraries", ERROR, system.no_gpu_libraries),
    Rule("the packing is known", WARNING, system.packing_is_known),
    Rule("a default name is given", WARNING, configured.default_name_is_given),
    Rule("the first program lies in its place", WARNING, configured.oobe_lies_where_it_should),
    Rule("the default uid is 1000", WARNING, configured.default_uid_is_usual),
    Rule("the default uid is free", WARNING, configured.default_uid_is_free),
    Rule("the icon lies in its place", WARNING, configured.icon_lies_where_it_should),
    Rule("the default user is WSL's", WARNING, configured.default_user_is_left_to_wsl),
    Rule("no passwords travel", WARNING, system.no_password_travels),
    Rule("no attributes that WSL 1 lacks", WARNING, system.no_foreign_xattrs),
    Rule("no discouraged units", WARNING, system.no_discouraged_units),
    Rule("no resolv.conf", WARNING, system.no_resolv_conf),
    Rule("no kernel", WARNING, system.no_kernel),
    Rule("no identity travels", WARNING, system.no_identity_travels),
)
