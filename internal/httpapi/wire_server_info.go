package httpapi

// ServerInfo describes a backend.
type ServerInfo struct {
	// Name is the name of the service provider's server.
	Name string
	// BuildVersion is the version of its program, APIVersion that of the contract.
	BuildVersion, APIVersion string
}

type wireServerInfo struct {
	Name         string `json:"name" doc:"Name of the service provider's server"`
	BuildVersion string `json:"buildVersion" doc:"Version of the program"`
	APIVersion   string `json:"apiVersion" doc:"Version of this contract"`
}

func (w wireServerInfo) decode() (ServerInfo, error) { return ServerInfo(w), nil }
