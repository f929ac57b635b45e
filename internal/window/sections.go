package window

// section is an entry of the navigation and the pages that belong to it.
type section struct {
	path, title string
	register    func(*Window)
}

// sections are the entries of the navigation, in order.
func sections() []section {
	return []section{
		{"gateways", "Default Gateways", (*Window).registerGateways},
		{"reachability", "Who reaches whom", (*Window).registerReachability},
		{"appliance", "Appliance", (*Window).registerAppliance},
		{"failover", "Failover Plans", (*Window).registerFailover},
		{"sessions", "Failover Sessions", (*Window).registerFailoverSessions},
	}
}

// notices are what a page says at its top after something was done, by the value of the parameter
// "done" of its address. So no address makes a page say anything else.
var notices = map[string]string{
	"saved":   "Saved.",
	"removed": "Removed.",
	"same":    "Nothing was changed: it was so already.",
	"out":     "You are logged out.",
}
