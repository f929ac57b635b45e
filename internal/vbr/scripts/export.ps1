<#
.SYNOPSIS
Writes one JSON document with the default gateways of cloud networks that this backup server has.
.DESCRIPTION
It only reads. Run it where the console of Veeam Backup & Replication is installed, as a user who may see
Default Gateways in the console: in Windows PowerShell 5.1 with version 12 and older, in PowerShell 7.4 with
version 13. Without -Server it has to run on the backup server itself.
.PARAMETER Server
Name of the backup server, where this is another machine.
.PARAMETER Port
Its port, where it is not the usual one.
.PARAMETER Credential
Account on the backup server, such as (Get-Credential).
.PARAMETER Path
File that is written, in UTF-8. Without it the document goes to the output.
#>
[CmdletBinding()]
param(
    [string]$Server,
    [int]$Port,
    [System.Management.Automation.PSCredential]$Credential,
    [string]$Path
)

$ErrorActionPreference = 'Stop'
$exportedAt = [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [System.Globalization.CultureInfo]::InvariantCulture)
$serverName = $Server
if (-not $serverName) { $serverName = [System.Net.Dns]::GetHostName() }

try {
    if ($Server) {
        $connection = @{ Server = $Server }
        if ($Port) { $connection['Port'] = $Port }
        if ($Credential) { $connection['Credential'] = $Credential }
        $null = Connect-VBRServer @connection
    }
    $providers = @(Get-VBRCloudProvider)
} catch [System.Management.Automation.CommandNotFoundException] {
    throw 'The PowerShell module of Veeam Backup & Replication is not here. Run this where its console is installed: in Windows PowerShell 5.1 with version 12 and older, in PowerShell 7.4 with version 13.'
}

$documents = @()
foreach ($provider in $providers) {
    if ($null -eq $provider) { continue }
    $providerName = ''
    foreach ($property in @('DNSName', 'Name', 'IpAddress')) {
        if (-not $providerName) { $providerName = [string]$provider.$property }
    }
    $document = [ordered]@{
        id             = [string]$provider.Id
        name           = $providerName
        error          = $null
        routingEnabled = $null
        gateways       = @()
        networks       = @()
    }
    try {
        $configurations = @(Get-VBRDefaultGatewayConfiguration -CloudProvider $provider)
        if ($configurations.Count -ne 1) { throw "it has $($configurations.Count) configurations of default gateways, and one was expected" }
        $gateways = @()
        foreach ($gateway in @($configurations[0].DefaultGateway)) {
            if ($null -eq $gateway) { continue }
            $gateways += [ordered]@{
                id                = [string]$gateway.Id
                name              = [string]$gateway.Name
                ipAddress         = [string]$gateway.IpAddress
                networkMask       = [string]$gateway.NetworkMask
                ipv6Address       = [string]$gateway.Ipv6Address
                ipv6SubnetAddress = [string]$gateway.Ipv6SubnetAddress
                ipv6PrefixLength  = [int]$gateway.Ipv6PrefixLength
            }
        }
        $networks = @()
        foreach ($cloudServer in @(Get-VBRCloudServer -CloudProvider $provider)) {
            if ($null -eq $cloudServer) { continue }
            foreach ($network in @(Get-VBRCloudServerNetworkInfo -CloudServer $cloudServer)) {
                if ($null -eq $network) { continue }
                $networks += [ordered]@{
                    id              = [string]$network.Id
                    name            = [string]$network.Name
                    cloudServerId   = [string]$cloudServer.Id
                    cloudServerName = [string]$cloudServer.Name
                    platform        = [string]$network.Platform
                    type            = [string]$network.Type
                }
            }
        }
        $document['routingEnabled'] = [bool]$configurations[0].RoutingEnabled
        $document['gateways'] = $gateways
        $document['networks'] = $networks
    } catch {
        $document['error'] = [string]$_.Exception.Message
        if (-not $document['error']) { $document['error'] = 'it failed without a message' }
    }
    $documents += $document
}

$json = ConvertTo-Json -Depth 8 -InputObject ([ordered]@{
    format     = 1
    exportedAt = $exportedAt
    server     = $serverName
    providers  = $documents
})
if ($Path) {
    [System.IO.File]::WriteAllText($ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path), $json)
} else {
    $json
}
