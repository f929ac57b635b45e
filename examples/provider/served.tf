# A served backend. The password comes from VCC_PASSWORD.
provider "vcc" {
  endpoint       = "https://sp.example.net:9419"
  username       = "abc-company"
  ca_certificate = file("ca.pem")
}
