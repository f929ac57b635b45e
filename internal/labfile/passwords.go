package labfile

import (
	"os"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// WithPasswords returns the lab with the passwords that its variables have in this process's
// environment. A variable that is empty or not set holds none. The error is that of
// vcc.ValidLab.WithPasswords.
func WithPasswords(l vcc.ValidLab) (vcc.ValidLab, error) {
	passwords := map[string]string{}
	for _, t := range l.Lab().Tenants {
		if t.Username == "" || t.PasswordEnv == "" {
			continue
		}
		if password := os.Getenv(t.PasswordEnv); password != "" {
			passwords[t.Username] = password
		}
	}
	return l.WithPasswords(passwords)
}
