#Requires -Version 5.1
# Makes the WSL distro where there is none of this name, and has bootstrap.sh, beside this file, make it ready.
[CmdletBinding(SupportsShouldProcess)]
param([string]$DistroName = 'DeadlyLinux_002', [string]$Image, [string]$RootFs, [string]$Location)
$PSNativeCommandUseErrorActionPreference = $false  # PowerShell 7.4 may add an error of its own to an exit code.
$env:WSL_UTF8 = '1'  # Else wsl.exe writes UTF-16; an old one does so all the same, hence the NULs below.

function Stop-Here([string]$Message, [string]$Hint, [int]$Code = 1) {
    [Console]::Error.WriteLine("error: $Message`nhint: $Hint")
    exit $Code
}
function Read-Wsl([string[]]$Words) {
    $Before = [Console]::OutputEncoding
    [Console]::OutputEncoding = [Text.Encoding]::UTF8  # A folder's name need not be ASCII.
    & wsl.exe @Words | ForEach-Object { ($_ -replace "`0", '').Trim() } | Where-Object { $_ }
    [Console]::OutputEncoding = $Before
}
function Invoke-Wsl([string[]]$Words, [string]$Failure, [string]$Hint) {
    if (-not $PSCmdlet.ShouldProcess("wsl.exe $Words", 'run')) { return }
    & wsl.exe @Words
    if ($LASTEXITCODE -ne 0) { Stop-Here "$Failure (exit code $LASTEXITCODE)" $Hint $LASTEXITCODE }
}

if ($DistroName -notmatch '^[a-zA-Z0-9._-]{1,256}$') {
    Stop-Here "'$DistroName' cannot name a distro" 'letters, digits, dots, hyphens and underscores are fine' 2 }
if ($Image -and $RootFs) { Stop-Here '-Image and -RootFs both say what to make a distro of' 'give one of them' 2 }
$File = "$Image$RootFs"
if ($File -and -not (Test-Path -LiteralPath $File -PathType Leaf)) {
    Stop-Here "there is no file $File" 'dgops image build --kind wsl makes an image' 2 }
if (-not (Get-Command wsl.exe -ErrorAction SilentlyContinue)) {
    Stop-Here 'this Windows has no wsl.exe' 'as administrator: winget install Microsoft.WSL; then restart Windows' }
$Modern = "$(Read-Wsl @('--version'))" -match '\d+\.\d+\.\d+' -and [version]$Matches[0] -ge [version]'2.4.4'
$Row = "^[* ]*$([regex]::Escape($DistroName))\s.*\s[12]$"  # The other columns are in Windows' language.
$Found = Read-Wsl @('--list', '--verbose') | Where-Object { $_ -match $Row }
if ($Found -match '1$') { Stop-Here "$DistroName is of WSL 1, which has no GPU" "wsl --set-version $DistroName 2; then again" }
if ($Found -and $File) { Write-Host "$DistroName is there already and is used as it is; $File is not needed." }
if (-not $Found) {
    if (-not $File) {
        Stop-Here "there is no distro $DistroName, and neither -Image nor -RootFs says what to make it of" `
            "wsl --install Debian --name $DistroName --no-launch, or dgops image build --kind wsl; then again" 2 }
    $File = (Resolve-Path -LiteralPath $File).ProviderPath
    if (-not $Location) { $Location = "$env:LOCALAPPDATA\dgops\$DistroName" }
    $Location = $Location.TrimEnd('\')  # Windows PowerShell hands "C:\my disk\" on with an open quote.
    $Words = @('--import', $DistroName, $Location, $File, '--version', '2')
    if ($Modern) { $Words = @('--install', '--from-file', $File, '--name', $DistroName, '--location', $Location, '--no-launch') }
    Invoke-Wsl $Words "wsl.exe made no distro of $File" 'see above; wsl --update, or first: wsl --install --no-distribution' }
$Root = @('-d', $DistroName, '-u', 'root', '--exec')
$Folder = $PSScriptRoot
if (-not $WhatIfPreference) { $Folder = Read-Wsl ($Root + @('wslpath', '-u', $PSScriptRoot.Replace('\', '/'))) }
if (-not $Folder) { Stop-Here "$DistroName does not see the folder $PSScriptRoot" 'copy it to C:, and try again' }
Invoke-Wsl ($Root + @('sh', "$Folder/bootstrap.sh")) "bootstrap.sh did not make $DistroName ready" `
    'mend what it says above; then again: what is done already is not done twice'
if ($Modern) { Invoke-Wsl @('--manage', $DistroName, '--set-default-user', 'seanf') 'seanf is not the default user' 'wsl --shutdown; then again' }
if (-not $Found) { Invoke-Wsl @('--terminate', $DistroName) "$DistroName was not restarted" 'wsl --shutdown' }
if ($WhatIfPreference) { exit 0 }
Write-Host "$DistroName is ready:  wsl -d $DistroName --cd /home/seanf/dgops    (if it was open before: wsl --terminate $DistroName)"
Write-Host 'Yours to decide. Defender slows the disk of a distro down; as administrator (Remove-MpPreference takes it back):'
Write-Host "  Add-MpPreference -ExclusionPath (gp HKCU:\Software\Microsoft\Windows\CurrentVersion\Lxss\* | ? DistributionName -eq $DistroName).BasePath"
Write-Host "WSL ends jobs when no window is open: vmIdleTimeout=-1 under [wsl2] in $env:USERPROFILE\.wslconfig keeps it up."
exit 0
