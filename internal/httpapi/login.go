package httpapi

import (
	"context"
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
	// refused, if not nil, is why the server took the password for wrong. It is not
	// asked again: a plan of a thousand resources would look like somebody guessing.
	refused error
}

// accessToken returns a token, "" where none is needed. Callers that come while
// one logs in wait for its token.
func (c *Client) accessToken(ctx context.Context) (string, error) {
	if c.cfg.Username == "" {
		return "", nil
	}
	held, err := c.takeCredentials(ctx)
	if err != nil {
		return "", err
	}
	defer func() { c.credentials <- held }()
	if held.access != "" || held.refused != nil {
		return held.access, held.refused
	}
	if err := c.meet(ctx); err != nil {
		return "", err
	}
	held, err = c.logIn(ctx, held.refresh)
	if code := vcc.Code(err); code == vcc.CodeInvalidToken || code == vcc.CodeAccessDenied {
		held.refused = err
	}
	return held.access, err
}

// meet asks a server which API it has, before it is told any password. Once is enough.
func (c *Client) meet(ctx context.Context) error {
	if c.known {
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
	c.known = true
	return nil
}

// logIn exchanges a refresh token, if there is one that is good still, or else the
// password for new credentials.
func (c *Client) logIn(ctx context.Context, refresh string) (credentials, error) {
	if refresh != "" {
		// Single use, so it is not repeated when the answer is lost: there is the password.
		held, err := c.askToken(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
		if err == nil || ctx.Err() != nil {
			return held, err
		}
	}
	return c.askToken(withRepeats(ctx), url.Values{"grant_type": {"password"}, "username": {c.cfg.Username}, "password": {c.cfg.Password}})
}

func (c *Client) askToken(ctx context.Context, form url.Values) (credentials, error) {
	req, err := c.request(ctx, http.MethodPost, "/api/oauth2/token", nil, []byte(form.Encode()))
	if err != nil {
		return credentials{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if err := c.do(req, &answer); err != nil {
		return credentials{}, err
	}
	if answer.AccessToken == "" {
		return credentials{}, fmt.Errorf("the server at %s answered the login without a token", c.base.Host)
	}
	return credentials{access: answer.AccessToken, refresh: answer.RefreshToken}, nil
}

// takeCredentials takes them out. Who does puts some back.
func (c *Client) takeCredentials(ctx context.Context) (credentials, error) {
	select {
	case held := <-c.credentials:
		return held, nil
	case <-ctx.Done():
		return credentials{}, ctx.Err()
	}
}

// forget drops an access token that is good no more, unless another caller has
// replaced it.
func (c *Client) forget(ctx context.Context, token string) {
	held, err := c.takeCredentials(ctx)
	if err != nil {
		return
	}
	if held.access == token {
		held.access = ""
	}
	c.credentials <- held
}
