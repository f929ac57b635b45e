package httpapi

// wireTokenAnswer are the tokens that a login gives (RFC 6749, 5.1).
type wireTokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type" enum:"bearer"`
	ExpiresIn    int    `json:"expires_in" doc:"Seconds until the access token expires"`
	RefreshToken string `json:"refresh_token" doc:"Good once, for 14 days"`
}
