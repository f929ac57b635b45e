package httpapi

import (
	"net/http"
	"net/url"
)

// UseProxy replaces the proxy that the environment names: package net/http reads the
// environment once, and uses no proxy to this machine.
func (c *Client) UseProxy(proxy *url.URL) {
	c.http.HTTPClient.Transport.(*http.Transport).Proxy = http.ProxyURL(proxy)
}

// Backoff is the pause after an attempt.
var Backoff = backoff

// HasProxy reports whether a client may send its requests through a proxy.
func (c *Client) HasProxy() bool {
	return c.http.HTTPClient.Transport.(*http.Transport).Proxy != nil
}
