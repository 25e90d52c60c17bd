"""From a folder of photographs to a captioned set that a trainer takes, in stages that can be killed and continued."""
