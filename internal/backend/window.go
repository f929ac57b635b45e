package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/window"
)

// windowServices are those of the API as a page gets them, with those that only a page asks.
type windowServices struct {
	httpapi.Services
	vcc.WindowService
	vcc.SiteService
}

// pages makes the window that a served backend has beside its API.
func pages(cfg ServerConfig, services *Services, secure bool) func(httpapi.Services, vcc.WindowSessionService) httpapi.Pages {
	return func(api httpapi.Services, sessions vcc.WindowSessionService) httpapi.Pages {
		host, _, _ := net.SplitHostPort(cfg.Listen)
		return window.New(window.Config{
			Services: windowServices{api, services, services}, Sessions: sessions, Log: cfg.Log,
			Secure: secure || cfg.AllowPlaintext && !httpapi.IsLoopback(host), // there a proxy does TLS
		})
	}
}

// ServeWindow serves the Default Gateways window on a loopback port until ctx ends. Listening, it calls
// started with the address, which logs in whoever opens it first and nobody after that.
func (e *Embedded) ServeWindow(ctx context.Context, port int, started func(address string)) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("the window cannot be served: %w", err)
	}
	at := listener.Addr().String()
	key, secret := window.NewKey(vcc.Account{Username: e.Actor, Role: vcc.RoleOperator, TenantID: e.tenant})
	server := &http.Server{
		Handler:           window.New(window.Config{Services: e.services, Key: key, Host: at, Log: e.log}).Handler(),
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(e.log.Handler(), slog.LevelError),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	started("http://" + at + window.OpenPath + secret)
	select {
	case err = <-failed:
		return err
	case <-ctx.Done():
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err = server.Shutdown(deadline); err != nil {
		err = errors.Join(err, server.Close())
	}
	return err
}
