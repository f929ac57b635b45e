<#
.SYNOPSIS
Brings the default gateways of a backup server to what is stored in code.
.DESCRIPTION
It reads what the server has, and throws before it writes anything if that is neither what was imported last nor
what is wanted. Then it sets what differs, reads again, and throws if the server has anything else. It may run twice.
Run it where the console of Veeam Backup & Replication is installed, as a user who may edit Default Gateways in
the console: in Windows PowerShell 5.1 with version 12 and older, in PowerShell 7.4 with version 13. Without
-Server it has to run on the backup server itself. See first what it would do, with -WhatIf.
.PARAMETER Server
Name of the backup server, where this is another machine.
.PARAMETER Port
Its port, where it is not the usual one.
.PARAMETER Credential
Account on the backup server, such as (Get-Credential).
.PARAMETER AllowRemoval
Remove the default gateways that are not wanted any more. Without it a script that would remove one changes nothing.
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [string]$Server,
    [int]$Port,
    [System.Management.Automation.PSCredential]$Credential,
    [switch]$AllowRemoval
)

$ErrorActionPreference = 'Stop'
$data = ConvertFrom-Json -InputObject @'
{
  "server": "vbr01\u0027s",
  "provider": {
    "id": "5f2b0c1e-3f7a-4d0c-9a55-0d6f3c1b7e21",
    "name": "sp.example.net\n\u0027@ | Out-Null"
  },
  "export": "of 2026-11-27 22:00:00 UTC",
  "routing": {
    "imported": false,
    "wanted": true
  },
  "gateways": [
    {
      "name": "O\u0027Brien\u2019s \"Gold\" [EU] $(Get-Date) `n network 1 (internet)",
      "imported": {
        "IpAddress": "172.17.52.254",
        "NetworkMask": "255.255.254.0",
        "Ipv6Address": "",
        "Ipv6SubnetAddress": "",
        "Ipv6PrefixLength": 0
      },
      "wanted": {
        "IpAddress": "172.17.52.1",
        "NetworkMask": "255.255.254.0",
        "Ipv6Address": "",
        "Ipv6SubnetAddress": "",
        "Ipv6PrefixLength": 0
      }
    },
    {
      "name": "\u0027@\nGr\u00f6\u00dfe \ud83d\ude00 network 1",
      "imported": {
        "IpAddress": "172.17.54.1",
        "NetworkMask": "255.255.255.0",
        "Ipv6Address": "",
        "Ipv6SubnetAddress": "",
        "Ipv6PrefixLength": 0
      },
      "wanted": {
        "IpAddress": "172.17.54.1",
        "NetworkMask": "255.255.255.0",
        "Ipv6Address": "fe80::1",
        "Ipv6SubnetAddress": "2001:db8:54::",
        "Ipv6PrefixLength": 64
      }
    },
    {
      "name": "network 3",
      "imported": null,
      "wanted": {
        "IpAddress": "172.17.54.1",
        "NetworkMask": "255.255.255.0",
        "Ipv6Address": "fe80::1",
        "Ipv6SubnetAddress": "2001:db8:54::",
        "Ipv6PrefixLength": 64
      }
    },
    {
      "name": "network 4",
      "imported": {
        "IpAddress": "172.17.54.1",
        "NetworkMask": "255.255.255.0",
        "Ipv6Address": "fe80::1",
        "Ipv6SubnetAddress": "2001:db8:54::",
        "Ipv6PrefixLength": 64
      },
      "wanted": null
    }
  ]
}
'@

# An address in its one spelling, '' where none is set.
function Get-Address($Value) {
    $text = ([string]$Value).Trim()
    if ($text -eq '') { return '' }
    try { $text = [System.Net.IPAddress]::Parse($text).ToString() } catch { return $text }
    if ($text -eq '0.0.0.0' -or $text -eq '::') { return '' }
    return $text
}

# The settings of a gateway in one spelling for each family, '' where the family has none.
function Get-Setting($Gateway) {
    $ipv4 = ''
    $ipv6 = ''
    if ($null -ne $Gateway) {
        $address = Get-Address $Gateway.IpAddress
        if ($address) { $ipv4 = $address + ' ' + (Get-Address $Gateway.NetworkMask) }
        $address = Get-Address $Gateway.Ipv6Address
        if ($address) { $ipv6 = $address + ' in ' + (Get-Address $Gateway.Ipv6SubnetAddress) + '/' + [int]$Gateway.Ipv6PrefixLength }
    }
    return @{ IPv4 = $ipv4; IPv6 = $ipv6; All = $ipv4 + '; ' + $ipv6 }
}

function Get-Configuration($Provider) {
    $found = @(Get-VBRDefaultGatewayConfiguration -CloudProvider $Provider)
    if ($found.Count -ne 1) { throw "The service provider has $($found.Count) configurations of default gateways, and one was expected." }
    return $found[0]
}

# The gateways of a name in a configuration.
function Get-Named($Configuration, $Name) {
    foreach ($gateway in @($Configuration.DefaultGateway)) {
        if ($null -ne $gateway -and [string]::Equals([string]$gateway.Name, [string]$Name, [StringComparison]::Ordinal)) { $gateway }
    }
}

$changes = @($data.gateways)
if ($changes.Count -eq 0 -and $null -eq $data.routing) {
    'There is nothing to do: the backup server had what is stored, by the export ' + $data.export + '.'
    return
}

try {
    if ($Server) {
        $connection = @{ Server = $Server }
        if ($Port) { $connection['Port'] = $Port }
        if ($Credential) { $connection['Credential'] = $Credential }
        $null = Connect-VBRServer @connection
    }
    $providers = @(Get-VBRCloudProvider)
} catch [System.Management.Automation.CommandNotFoundException] {
    throw 'The PowerShell module of Veeam Backup & Replication is not here. Run this where its console is installed: in Windows PowerShell 5.1 with version 12 and older, in PowerShell 7.4 with version 13. Nothing was changed.'
}
$provider = $null
foreach ($candidate in $providers) {
    if ($null -ne $candidate -and [string]$candidate.Id -eq $data.provider.id) { $provider = $candidate }
}
if ($null -eq $provider) {
    throw 'This backup server has no service provider with the ID ' + $data.provider.id + ' (' + $data.provider.name + '). Is it ' + $data.server + '? Nothing was changed.'
}

# Everything is checked before anything is written.
$configuration = Get-Configuration $provider
$problems = @()
$sets = @()
$removals = @()
foreach ($change in $changes) {
    $found = @(Get-Named $configuration $change.name)
    $wanted = Get-Setting $change.wanted
    if ($found.Count -gt 1) {
        $problems += '"' + $change.name + '" is there ' + $found.Count + ' times.'
        continue
    }
    if ($found.Count -eq 0) {
        if ($null -ne $change.wanted) {
            $problems += '"' + $change.name + '" is not there, or the server has no default gateway object for it, and no cmdlet makes one. Specify its default gateway once in the console.'
        }
        continue
    }
    $gateway = $found[0]
    $present = Get-Setting $gateway
    $imported = Get-Setting $change.imported
    if ($present.All -ceq $wanted.All) { continue }
    if ($present.All -cne $imported.All) {
        $problems += '"' + $change.name + '" has ' + $present.All + ', which is neither what was imported (' + $imported.All + ') nor what is wanted (' + $wanted.All + '). Export and import again.'
        continue
    }
    if ($null -eq $change.wanted) {
        if ($AllowRemoval) {
            $removals += @{ Name = $change.name; Gateway = $gateway }
        } else {
            $problems += '"' + $change.name + '" is to be removed. Run this with -AllowRemoval if that is meant.'
        }
        continue
    }
    if (($present.IPv4 -and -not $wanted.IPv4) -or ($present.IPv6 -and -not $wanted.IPv6)) {
        $problems += '"' + $change.name + '" is to lose the settings of one family, for which the cmdlets have no documented way. Clear them in the console.'
        continue
    }
    $arguments = @{ Gateway = $gateway }
    if ($present.IPv4 -cne $wanted.IPv4) {
        $arguments['IpAddress'] = $change.wanted.IpAddress
        $arguments['NetworkMask'] = $change.wanted.NetworkMask
    }
    if ($present.IPv6 -cne $wanted.IPv6) {
        $arguments['Ipv6Address'] = $change.wanted.Ipv6Address
        $arguments['Ipv6SubnetAddress'] = $change.wanted.Ipv6SubnetAddress
        $arguments['Ipv6PrefixLength'] = [byte]$change.wanted.Ipv6PrefixLength
    }
    $sets += @{ Name = $change.name; From = $present.All; To = $wanted.All; Arguments = $arguments }
}
if ($problems.Count -gt 0) {
    throw 'Nothing was changed. ' + ($problems -join ' ')
}

# Removals come first: what they leave free another network may take.
$left = 0
foreach ($removal in $removals) {
    if ($PSCmdlet.ShouldProcess($removal.Name, 'Remove the default gateway')) {
        $null = Remove-VBRDefaultGateway -Gateway $removal.Gateway -Confirm:$false
        'Removed the default gateway of "' + $removal.Name + '".'
    } else {
        $left++
    }
}
foreach ($set in $sets) {
    if ($PSCmdlet.ShouldProcess($set.Name, 'Set the default gateway from ' + $set.From + ' to ' + $set.To)) {
        $arguments = $set.Arguments
        $null = Set-VBRDefaultGateway @arguments
        'Set the default gateway of "' + $set.Name + '".'
    } else {
        $left++
    }
}
if ($null -ne $data.routing) {
    $configuration = Get-Configuration $provider
    $routing = [bool]$data.routing.wanted
    if ([bool]$configuration.RoutingEnabled -ne $routing) {
        if ($PSCmdlet.ShouldProcess('Route traffic between these networks', 'Set the option to ' + $routing)) {
            $null = Set-VBRDefaultGatewayConfiguration -Configuration $configuration -EnableRouting:$routing
            'Set the routing option to ' + $routing + '.'
        } else {
            $left++
        }
    }
}
if ($left -gt 0) { return }

# What the server has now is what counts.
$configuration = Get-Configuration $provider
foreach ($change in $changes) {
    $wanted = Get-Setting $change.wanted
    $found = @(Get-Named $configuration $change.name)
    $present = Get-Setting $null
    if ($found.Count -gt 0) { $present = Get-Setting $found[0] }
    if ($found.Count -gt 1 -or $present.All -cne $wanted.All) {
        $problems += '"' + $change.name + '" has ' + $present.All + ' instead of ' + $wanted.All + '.'
    }
}
if ($null -ne $data.routing -and [bool]$configuration.RoutingEnabled -ne [bool]$data.routing.wanted) {
    $problems += 'The routing option is ' + [bool]$configuration.RoutingEnabled + ' instead of ' + [bool]$data.routing.wanted + '.'
}
if ($problems.Count -gt 0) {
    throw 'The cmdlets reported no error, and yet the backup server has something else than it was told. ' + ($problems -join ' ')
}
'The backup server has what is stored. Export and import again, so that it is known here.'
