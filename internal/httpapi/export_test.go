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
