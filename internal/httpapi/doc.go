// Package httpapi is the wire contract between the provider and the backend,
// both ends of it: the server, the client, and the JSON between them.
//
// Both ends take and return the values of package vcc. The structs that have the form of
// the JSON are in the files wire_*.go and nowhere else: the server parses a request with
// the rules of the domain; the client reads an answer by its form alone, so that values
// from before a rule come through.
//
// The contract follows the conventions of the product's own REST API: camelCase JSON,
// paging by skip and limit, and errors with an errorCode. Every gateway and the
// routing option carry a revision as their ETag, and writes may depend on it
// (RFC 9110, conditional requests).
package httpapi

// APIVersion is the version of the contract, which the paths carry as v1.
const APIVersion = "1.0"

const (
	basePath       = "/api/v1/cloudConnect"
	labPath        = "/api/v1/lab"
	serverInfoPath = "/api/v1/serverInfo"
	tokenPath      = "/api/oauth2/token" //nolint:gosec // an address, no credentials
)

// tenantQuery selects the tenant that an operator acts for.
const tenantQuery = "tenant"

// requestIDHeader names a request in the server's log.
const requestIDHeader = "X-Request-Id"
