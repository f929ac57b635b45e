package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// credentials are what a login gives; without an access token a new login is due.
type credentials struct {
	access string
	// refresh, if not "", is good for one login without the password (RFC 6749, 6).
	refresh string
	// refused, if not nil, is why the server refused the login. It is not asked again: a plan
	// of a thousand resources would look like an attempt to guess the password.
	refused error
}

// accessToken returns a token, "" where none is needed. Callers during the login of another
// one wait for its token.
func (c *Client) accessToken(ctx context.Context) (string, error) {
	if c.cfg.Username == "" {
		return "", nil
	}
	current, err := c.takeCredentials(ctx)
	if err != nil {
		return "", err
	}
	defer func() { c.credentials <- current }()
	if current.access != "" || current.refused != nil {
		return current.access, current.refused
	}
	if err := c.checkVersion(ctx); err != nil {
		return "", err
	}
	current, err = c.logIn(ctx, current.refresh)
	if code := vcc.Code(err); code == vcc.CodeInvalidToken || code == vcc.CodeAccessDenied {
		current.refused = err
	}
	return current.access, err
}

// checkVersion asks a server which API it has, before it is told any password. Once is enough.
func (c *Client) checkVersion(ctx context.Context) error {
	if c.versionChecked {
		return nil
	}
	info, err := c.ServerInfo(ctx)
	if err != nil {
		if vcc.Code(err) == vcc.CodeNotFound {
			err = &Failure{Kind: FailureNotThisAPI, Method: http.MethodGet, Path: serverInfoPath, Host: c.base.Host,
				Err: fmt.Errorf("the server at %s has no %s: is the endpoint the server's own, and not another program?", c.base.Host, serverInfoPath)}
		}
		return err
	}
	major, _, _ := strings.Cut(info.APIVersion, ".")
	if own, _, _ := strings.Cut(APIVersion, "."); major != own {
		return &Failure{Kind: FailureAPIVersion, Method: http.MethodGet, Path: serverInfoPath, Host: c.base.Host,
			Err: fmt.Errorf("the server at %s (%s %s) has version %q of the API, and this program needs version %s.x", c.base.Host, info.Name, info.BuildVersion, info.APIVersion, own)}
	}
	c.versionChecked = true
	return nil
}

// logIn exchanges a refresh token, if there is one that is good still, or else the
// password for new credentials.
func (c *Client) logIn(ctx context.Context, refresh string) (credentials, error) {
	if refresh != "" {
		// It is good once, so it is not repeated where the answer is lost: there is the password.
		current, err := c.askToken(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
		if err == nil || ctx.Err() != nil {
			return current, err
		}
	}
	return c.askToken(withRepeats(ctx), url.Values{"grant_type": {"password"}, "username": {c.cfg.Username}, "password": {c.cfg.Password}})
}

func (c *Client) askToken(ctx context.Context, form url.Values) (credentials, error) {
	req, err := c.newRequest(ctx, request{method: http.MethodPost, path: tokenPath}, []byte(form.Encode()))
	if err != nil {
		return credentials{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var tokens wireTokenAnswer
	if err := c.do(req, func(a answer) error { return json.Unmarshal(a.content, &tokens) }); err != nil {
		return credentials{}, err
	}
	if tokens.AccessToken == "" {
		return credentials{}, fmt.Errorf("the server at %s answered the login without a token", c.base.Host)
	}
	return credentials{access: tokens.AccessToken, refresh: tokens.RefreshToken}, nil
}

// takeCredentials takes them out. The caller puts some back.
func (c *Client) takeCredentials(ctx context.Context) (credentials, error) {
	select {
	case current := <-c.credentials:
		return current, nil
	case <-ctx.Done():
		return credentials{}, ctx.Err()
	}
}

// dropToken drops an access token that is good no more, unless another caller has
// replaced it.
func (c *Client) dropToken(ctx context.Context, token string) {
	current, err := c.takeCredentials(ctx)
	if err != nil {
		return
	}
	if current.access == token {
		current.access = ""
	}
	c.credentials <- current
}
